//! All that a turn of the loop writes: collected here, committed in one transaction, and only then answered.

use super::judge::{Judged, judge};
use super::sessions::Arrived;
use super::settings::Config;
use super::story;
use super::token::ConnectionId;
use crate::change::{
    Accepted, Batch, Command, CommandResult, Committed, Digest, Effect, MailResult, Outcome, Queued, Selection, Series,
    Settled,
};
use crate::metrics::Metrics;
use crate::policy::Action;
use crate::smtp::Verdict;
use crate::store::{Store, StoreError};
use crate::types::{Domain, MessageId, Timestamp};
use std::collections::{BTreeMap, VecDeque};
use std::sync::mpsc::SyncSender;
use std::time::{Duration, Instant};

/// What nobody waits for (confirmed digests, sums, settled attempts after an error) is written no later than this.
const FLUSH_TIME_MAX: Duration = Duration::from_secs(1);

/// Reading of mails in one turn ends after this time; the others wait for the next turn. Each takes 20 ms at worst.
const READING_TIME_MAX: Duration = Duration::from_millis(20);

/// Where the result of a command goes.
pub(super) type CommandAnswer = SyncSender<Result<CommandResult, String>>;

/// What waits to be written.
pub(super) struct Ledger {
    store: Store,
    arrived: VecDeque<Arrived>,
    octets_waiting: usize,
    confirmed: Vec<Digest>,
    settled: Vec<Settled>,
    sums: BTreeMap<Series, u64>,
    commands: Vec<(Command, CommandAnswer)>,
    next_id: MessageId,
    flush_at: Option<Instant>,
    /// The last transaction failed: what no mail waits for is tried again only at `flush_at`.
    has_failed: bool,
}

/// The answer to one mail.
pub(super) struct Answer {
    /// Who waits for it.
    pub(super) connection: ConnectionId,
    /// What it is.
    pub(super) verdict: Verdict,
    /// Of the mail.
    pub(super) digest: Digest,
}

/// What a transaction leads to.
#[derive(Default)]
pub(super) struct Closed {
    /// For the clients.
    pub(super) answers: Vec<Answer>,
    /// Attempts whose end is durable now.
    pub(super) settled: Vec<Settled>,
    /// Whether notifications were queued.
    pub(super) has_queued: bool,
    /// Domains whose notifications an operator wants to be tried now; `None`: all.
    pub(super) retried: Vec<Option<Domain>>,
}

impl Ledger {
    /// Ids start at `now`: they are unique as long as fewer than a million mails arrive in each millisecond.
    pub(super) fn new(store: Store, now: Timestamp) -> Self {
        Self {
            store,
            arrived: VecDeque::new(),
            octets_waiting: 0,
            confirmed: Vec::new(),
            settled: Vec::new(),
            sums: BTreeMap::new(),
            commands: Vec::new(),
            next_id: MessageId(now.millis() << 20),
            flush_at: None,
            has_failed: false,
        }
    }

    /// The database, for housekeeping and readers.
    pub(super) fn store(&mut self) -> &mut Store {
        &mut self.store
    }

    /// Mails that wait for their transaction.
    pub(super) fn extend(&mut self, arrived: impl IntoIterator<Item = Arrived>) {
        for arrived in arrived {
            self.octets_waiting += arrived.mail.head.len();
            self.arrived.push_back(arrived);
        }
    }

    /// Digests whose 250 was seen to arrive.
    pub(super) fn confirm(&mut self, digests: &mut Vec<Digest>, now: Instant) {
        if !digests.is_empty() {
            self.confirmed.append(digests);
            self.flush_soon(now);
        }
    }

    /// Attempts that ended.
    pub(super) fn settle(&mut self, settled: impl IntoIterator<Item = Settled>) {
        self.settled.extend(settled);
    }

    /// What an operator asks for; the answer comes after the transaction.
    pub(super) fn command(&mut self, command: Command, answer: CommandAnswer) {
        self.commands.push((command, answer));
    }

    /// Octets of mails that wait.
    pub(super) fn octets_waiting(&self) -> usize {
        self.octets_waiting
    }

    /// Whether mails wait.
    pub(super) fn has_mails(&self) -> bool {
        !self.arrived.is_empty()
    }

    /// When something is to be written that no mail waits for.
    pub(super) fn flush_at(&self) -> Option<Instant> {
        self.flush_at
    }

    /// Writes what waits, if mails or settled attempts do or the time has come.
    pub(super) fn close(
        &mut self,
        config: &Config,
        metrics: &mut Metrics,
        now: Instant,
        time: Timestamp,
    ) -> Option<Closed> {
        let is_due = self.flush_at.is_some_and(|at| at <= now);
        let has_settled = !self.settled.is_empty() && !self.has_failed;
        if self.arrived.is_empty() && self.commands.is_empty() && !is_due && !has_settled {
            return None;
        }
        let (waiting, mails) = self.judge_arrived(config, time);
        let (commands, answers): (Vec<_>, Vec<_>) = std::mem::take(&mut self.commands).into_iter().unzip();
        let batch = Batch {
            confirmed: std::mem::take(&mut self.confirmed),
            mails,
            settled: std::mem::take(&mut self.settled),
            commands,
            sums: std::mem::take(&mut self.sums).into_iter().collect(),
        };
        self.flush_at = None;
        let start = Instant::now();
        let result = self.store.commit(&batch, time);
        self.has_failed = result.is_err();
        answer_commands(answers, &result);
        Some(match result {
            Ok(committed) => {
                metrics.committed(batch.mails.len(), start.elapsed());
                count_mails(metrics, &waiting, &committed, time);
                self.succeed(waiting, batch, &committed, now)
            }
            Err(error) => {
                metrics.commit_failed();
                self.fail(waiting, batch, &error, metrics, now)
            }
        })
    }

    /// Writes, at the end, what no mail waits for.
    pub(super) fn write_rest(&mut self, config: &Config, metrics: &mut Metrics, time: Timestamp) {
        let now = Instant::now();
        self.flush_at = Some(now);
        self.close(config, metrics, now, time);
    }

    fn judge_arrived(&mut self, config: &Config, time: Timestamp) -> (Vec<(ConnectionId, Judged)>, Vec<Accepted>) {
        let start = Instant::now();
        let (mut waiting, mut mails) = (Vec::new(), Vec::new());
        while let Some(arrived) = self.arrived.pop_front() {
            self.octets_waiting -= arrived.mail.head.len();
            let (judged, accepted) = judge(self.take_id(), arrived.peer, arrived.mail, config, time);
            waiting.push((arrived.connection, judged));
            mails.push(accepted);
            if mails.len() >= config.settings.mails_per_commit_max || start.elapsed() > READING_TIME_MAX {
                break;
            }
        }
        (waiting, mails)
    }

    fn succeed(
        &mut self,
        waiting: Vec<(ConnectionId, Judged)>,
        batch: Batch,
        committed: &Committed,
        now: Instant,
    ) -> Closed {
        let has_queued = !committed.commands.is_empty();
        let retried = self.retried(&batch.commands);
        let mut closed = Closed { settled: batch.settled, has_queued, retried, ..Closed::default() };
        for (((connection, judged), mail), result) in waiting.into_iter().zip(batch.mails).zip(&committed.mails) {
            story::tell_mail(&judged, result);
            self.sum(&judged, result);
            closed.has_queued |= queues(result);
            closed.answers.push(Answer { connection, verdict: Verdict::Accepted(judged.id), digest: mail.digest });
        }
        let delivered = closed.settled.iter().filter(|settled| matches!(settled.outcome, Outcome::Delivered { .. }));
        for _ in delivered {
            *self.sums.entry(Series::Delivered).or_default() += 1;
        }
        if !self.sums.is_empty() {
            self.flush_soon(now);
        }
        closed
    }

    /// The domains that retries are about; `None`: all of them.
    fn retried(&self, commands: &[Command]) -> Vec<Option<Domain>> {
        let mut domains = Vec::new();
        for command in commands {
            let Command::RetryNotifications(selection) = command else { continue };
            match selection {
                Selection::Id(id) => {
                    let row = self.store.reader().notification(*id).ok().flatten();
                    domains.extend(row.map(|row| Some(row.notification.domain)));
                }
                Selection::Domain(domain) => domains.push(Some(domain.clone())),
                Selection::Parked | Selection::All => domains.push(None),
            }
        }
        domains
    }

    /// Nothing of the batch happened: the senders keep their mails, and what is ours is tried again.
    fn fail(
        &mut self,
        waiting: Vec<(ConnectionId, Judged)>,
        batch: Batch,
        error: &StoreError,
        metrics: &mut Metrics,
        now: Instant,
    ) -> Closed {
        let (verdict, code, error) = match error {
            StoreError::Full(error) => (Verdict::NoRoom, 452, error),
            StoreError::Failed(error) => (Verdict::TryAgain, 451, error),
        };
        for _ in &waiting {
            metrics.mail_deferred(code);
        }
        self.confirmed.extend(batch.confirmed);
        self.settled.extend(batch.settled);
        self.sums.extend(batch.sums);
        self.flush_soon(now);
        let answer = |((connection, judged), mail): ((ConnectionId, Judged), Accepted)| {
            story::tell_refused(&judged, error);
            Answer { connection, verdict, digest: mail.digest }
        };
        Closed { answers: waiting.into_iter().zip(batch.mails).map(answer).collect(), ..Closed::default() }
    }

    fn flush_soon(&mut self, now: Instant) {
        self.flush_at.get_or_insert(now + FLUSH_TIME_MAX);
    }

    fn take_id(&mut self) -> MessageId {
        let id = self.next_id;
        self.next_id = MessageId(id.0 + 1);
        id
    }

    /// Adds a mail to the sums of the next transaction: what became of it is known only after its own.
    fn sum(&mut self, judged: &Judged, result: &MailResult) {
        let MailResult::Applied(effects) = result else { return };
        let mut add = |series| *self.sums.entry(series).or_default() += 1;
        add(Series::Received);
        for finding in &judged.findings {
            match finding.recipient.and_then(|index| judged.report.recipients.get(index)) {
                Some(recipient) => {
                    add(Series::Class(recipient.class));
                    add(Series::Reason(recipient.reason));
                    let receiver = recipient.address.domain().to_owned();
                    if finding.action == Some(Action::Alert) {
                        add(Series::Alert(receiver.clone(), recipient.reason));
                    }
                    add(Series::Receiver(receiver));
                }
                None => add(Series::Other(finding.note.unwrap_or(judged.report.kind.name()).to_owned())),
            }
        }
        for _ in effects.iter().filter(|effect| matches!(effect, Effect::Escalated(_))) {
            add(Series::Escalated);
        }
    }
}

fn count_mails(metrics: &mut Metrics, waiting: &[(ConnectionId, Judged)], committed: &Committed, time: Timestamp) {
    for ((_, judged), result) in waiting.iter().zip(&committed.mails) {
        metrics.mail(&judged.report, &judged.findings, judged.octets, result, time);
    }
}

/// Tells the operators; one who has gone is not told.
fn answer_commands(answers: Vec<CommandAnswer>, result: &Result<Committed, StoreError>) {
    match result {
        Ok(committed) => {
            for (answer, result) in answers.into_iter().zip(&committed.commands) {
                let _ = answer.send(Ok(result.clone()));
            }
        }
        Err(error) => {
            for answer in answers {
                let _ = answer.send(Err(error.to_string()));
            }
        }
    }
}

/// Whether the notifier has something new to look at.
fn queues(result: &MailResult) -> bool {
    let MailResult::Applied(effects) = result else { return false };
    effects.iter().any(|effect| match effect {
        Effect::Escalated(queued) | Effect::Suspended(queued) => !matches!(queued, Queued::AlreadyPending(_)),
        Effect::Counted { .. } | Effect::Quarantined { .. } => false,
    })
}
