//! All that is to be written: collected here for the next transaction, and answered when that is durable. Knows what a
//! transaction holds and what it leads to, not the database.

use super::committer::Written;
use super::gathering::{Crowd, Gathering};
use super::judge::{Judged, judge};
use super::sessions::Arrived;
use super::settings::Config;
use super::story;
use super::tally::Tally;
use super::token::ConnectionId;
use crate::change::{
    Accepted, Batch, Command, CommandResult, Committed, Digest, Effect, MailResult, Queued, Selection, Settled,
};
use crate::digest::DigestKey;
use crate::metrics::Metrics;
use crate::smtp::Verdict;
use crate::store::{COMMAND_ROWS_MAX, StoreError};
use crate::types::{Domain, MessageId, Timestamp};
use std::collections::VecDeque;
use std::sync::mpsc::SyncSender;
use std::time::{Duration, Instant};

/// What nobody waits for (confirmed digests, anything after an error) is written no later than this.
const FLUSH_TIME_MAX: Duration = Duration::from_secs(1);

/// Ended attempts wait no longer than this, or on a slow disk than two transactions, for mails to share one with.
const SETTLED_TIME_MAX: Duration = Duration::from_millis(5);

/// Reading of mails in one turn ends after this time; the others wait for the next turn. Each takes 20 ms at worst.
const READING_TIME_MAX: Duration = Duration::from_millis(20);

/// Where the result of a command goes.
pub(super) type CommandAnswer = SyncSender<Result<CommandResult, String>>;

/// What waits to be written.
pub(super) struct Ledger {
    digest_key: DigestKey,
    /// Mails that were not read yet.
    arrived: VecDeque<Arrived>,
    /// Mails of the next transaction, read: who waits, and what is written.
    waiting: Vec<(ConnectionId, Judged)>,
    mails: Vec<Accepted>,
    octets_waiting: usize,
    confirmed: Vec<Digest>,
    settled: Vec<Settled>,
    tally: Tally,
    commands: Vec<(Command, CommandAnswer)>,
    /// Domains whose pending notifications are to be due now.
    retries: Vec<Domain>,
    writing: Writing,
    unbooked: Vec<Unbooked>,
    next_id: MessageId,
    gathering: Gathering,
    /// How long the next transaction waits for more mails.
    gathering_rest: Option<Duration>,
    /// When something is written that no mail waits for.
    flush_at: Option<Instant>,
    /// The last transaction failed: what no mail waits for is tried again only at `flush_at`.
    has_failed: bool,
}

/// Who waits for the transaction that runs.
#[derive(Default)]
struct Writing {
    mails: Vec<(ConnectionId, Judged)>,
    commands: Vec<CommandAnswer>,
    octets: usize,
}

/// Mails that are durable, with what became of them: to be told to operators once the clients have their answers.
struct Unbooked {
    mails: Vec<(ConnectionId, Judged)>,
    results: Vec<MailResult>,
    time: Timestamp,
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
    /// Notifications that an operator wants to be tried now.
    pub(super) retried: Vec<Selection>,
}

impl Ledger {
    /// Mails get ids from `first_id` on.
    pub(super) fn new(digest_key: DigestKey, first_id: MessageId) -> Self {
        Self {
            digest_key,
            arrived: VecDeque::new(),
            waiting: Vec::new(),
            mails: Vec::new(),
            octets_waiting: 0,
            confirmed: Vec::new(),
            settled: Vec::new(),
            tally: Tally::default(),
            commands: Vec::new(),
            retries: Vec::new(),
            writing: Writing::default(),
            unbooked: Vec::new(),
            next_id: first_id,
            gathering: Gathering::default(),
            gathering_rest: None,
            flush_at: None,
            has_failed: false,
        }
    }

    /// Mails that wait for their transaction.
    pub(super) fn extend(&mut self, arrived: impl IntoIterator<Item = Arrived>) {
        for arrived in arrived {
            self.octets_waiting += arrived.mail.head.len();
            self.gathering.arrived();
            self.arrived.push_back(arrived);
        }
    }

    /// Digests whose 250 was seen to arrive.
    pub(super) fn confirm(&mut self, digests: &mut Vec<Digest>, now: Instant) {
        if !digests.is_empty() {
            self.confirmed.append(digests);
            self.flush_within(FLUSH_TIME_MAX, now);
        }
    }

    /// Attempts that ended.
    pub(super) fn settle(&mut self, settled: impl IntoIterator<Item = Settled>, now: Instant) {
        let known = self.settled.len();
        self.settled.extend(settled);
        if self.settled.len() > known && !self.has_failed {
            self.flush_within(SETTLED_TIME_MAX.max(2 * self.gathering.transaction_time()), now);
        }
    }

    /// Whether the mails wait for more; see [`Gathering::rest`].
    pub(super) fn gather(&mut self, now: Instant, has_progress: bool, underway: usize, mails_max: usize) -> bool {
        // A full transaction is due, and mails that could not be read in this turn make one due as well.
        let has_room = self.waiting.len() < mails_max && self.arrived.is_empty();
        let waits = !self.waiting.is_empty() && has_room;
        let crowd = Crowd { waiting: self.waiting.len(), underway, has_progress };
        self.gathering_rest = waits.then(|| self.gathering.rest(now, &crowd)).flatten();
        self.gathering_rest.is_some()
    }

    /// The loop was at work for clients.
    pub(super) fn worked(&mut self, time: Duration) {
        self.gathering.worked(time);
    }

    /// Whether a transaction takes so long that the loop had better not wait for it.
    pub(super) fn is_slow(&self) -> bool {
        self.gathering.is_slow()
    }

    /// How long the loop may wait for clients while mails wait; `None`: no mails wait.
    pub(super) fn patience(&self) -> Option<Duration> {
        self.has_mails().then(|| self.gathering_rest.unwrap_or_default())
    }

    /// What an operator asks for; the answer comes after the transaction.
    pub(super) fn command(&mut self, command: Command, answer: CommandAnswer) {
        self.commands.push((command, answer));
    }

    /// The platforms of these domains are told otherwise from now on: what waits for them is tried at once.
    pub(super) fn retry(&mut self, domains: impl IntoIterator<Item = Domain>, now: Instant) {
        let known = self.retries.len();
        self.retries.extend(domains);
        if self.retries.len() > known {
            self.flush_within(Duration::ZERO, now);
        }
    }

    /// Reads mails that arrived and decides on them, as many as one turn and one transaction may hold. Not left to the
    /// transaction: each mail's memory serves the next one while others are gathered.
    pub(super) fn read(&mut self, config: &Config, time: Timestamp) {
        let start = Instant::now();
        let room = config.settings.mails_per_commit_max.saturating_sub(self.waiting.len());
        self.waiting.reserve(room.min(self.arrived.len()));
        self.mails.reserve(room.min(self.arrived.len()));
        while self.waiting.len() < config.settings.mails_per_commit_max && start.elapsed() <= READING_TIME_MAX {
            let Some(arrived) = self.arrived.pop_front() else { return };
            let connection = arrived.connection;
            let (judged, accepted) = judge(self.take_id(), &self.digest_key, arrived, config, time);
            self.waiting.push((connection, judged));
            self.mails.push(accepted);
        }
    }

    /// Whether mails arrived that could be read before the next transaction begins.
    pub(super) fn has_unread(&self, mails_max: usize) -> bool {
        !self.arrived.is_empty() && self.waiting.len() < mails_max
    }

    /// Octets of mails that wait.
    pub(super) fn octets_waiting(&self) -> usize {
        self.octets_waiting + self.writing.octets
    }

    /// Whether mails wait.
    pub(super) fn has_mails(&self) -> bool {
        !self.arrived.is_empty() || !self.waiting.is_empty()
    }

    /// When something is to be written that no mail waits for.
    pub(super) fn flush_at(&self) -> Option<Instant> {
        self.flush_at.into_iter().chain(self.tally.due_at()).min()
    }

    /// The next transaction, if mails wait for one or the time has come. [`Self::close`] takes what comes of it, before the one after it.
    pub(super) fn open(&mut self, now: Instant, sober: Timestamp) -> Option<Batch> {
        let is_due = self.flush_at.is_some_and(|at| at <= now) || self.tally.is_due(now);
        if !self.has_mails() && self.commands.is_empty() && !is_due {
            return None;
        }
        let (mut commands, answers): (Vec<_>, _) = std::mem::take(&mut self.commands).into_iter().unzip();
        let retry = |domain| Command::RetryNotifications(Selection::Pending(domain));
        commands.extend(self.retries.drain(..).map(retry));
        let octets_left = self.arrived.iter().map(|arrived| arrived.mail.head.len()).sum();
        self.writing = Writing {
            mails: std::mem::take(&mut self.waiting),
            commands: answers,
            octets: self.octets_waiting - octets_left,
        };
        self.octets_waiting = octets_left;
        self.flush_at = None;
        Some(Batch {
            confirmed: std::mem::take(&mut self.confirmed),
            mails: std::mem::take(&mut self.mails),
            settled: std::mem::take(&mut self.settled),
            commands,
            sums: self.tally.take_if_due(now),
            sober: Some(sober),
        })
    }

    /// What a transaction led to; [`Self::book`] has to follow once the clients have their answers.
    pub(super) fn close(&mut self, written: Written, metrics: &mut Metrics, now: Instant, time: Timestamp) -> Closed {
        let Written { batch, result, took, waited } = written;
        let writing = std::mem::take(&mut self.writing);
        self.gathering.committed(took, waited, writing.mails.len());
        self.has_failed = result.is_err();
        answer_commands(writing.commands, &result);
        match result {
            Ok(committed) => {
                metrics.committed(batch.mails.len(), took);
                let closed = self.succeed(&writing.mails, batch, &committed, now);
                self.unbooked.push(Unbooked { mails: writing.mails, results: committed.mails, time });
                closed
            }
            Err(error) => {
                metrics.commit_failed();
                self.fail(writing.mails, batch, &error, metrics, now)
            }
        }
    }

    /// Logs and counts the mails that became durable in this turn.
    pub(super) fn book(&mut self, metrics: &mut Metrics, now: Instant) {
        for Unbooked { mails, results, time } in self.unbooked.drain(..) {
            for ((_, judged), result) in mails.iter().zip(&results) {
                metrics.mail(&judged.report, &judged.findings, judged.octets, result, time);
                metrics.line_ends(judged.has_bare_line_ends && matches!(result, MailResult::Applied(_)));
                story::tell_mail(judged, result);
                self.tally.mail(judged, result, now);
            }
        }
    }

    /// At the end: what no mail waits for is due.
    pub(super) fn make_rest_due(&mut self, now: Instant) {
        self.flush_at = Some(now);
        self.tally.make_due(now);
    }

    fn succeed(
        &mut self,
        waiting: &[(ConnectionId, Judged)],
        batch: Batch,
        committed: &Committed,
        now: Instant,
    ) -> Closed {
        let has_queued = !committed.commands.is_empty();
        let unfinished = batch.commands.iter().zip(&committed.commands).filter(|(_, result)| is_unfinished(result));
        let unfinished: Vec<_> = unfinished.filter_map(|(command, _)| our_retry(command)).collect();
        self.retry(unfinished, now);
        let retried = batch.commands.into_iter().filter_map(retried).collect();
        let answers = Vec::with_capacity(waiting.len());
        let mut closed = Closed { answers, settled: batch.settled, has_queued, retried };
        for (((connection, judged), mail), result) in waiting.iter().zip(batch.mails).zip(&committed.mails) {
            closed.has_queued |= queues(result);
            let verdict = Verdict::Accepted(judged.id);
            closed.answers.push(Answer { connection: *connection, verdict, digest: mail.digest });
        }
        closed.settled.iter().for_each(|settled| self.tally.settled(settled, now));
        closed
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
        self.retries.extend(batch.commands.iter().filter_map(our_retry));
        self.tally.put_back(batch.sums, now);
        self.flush_at = Some(now + FLUSH_TIME_MAX);
        let answer = |((connection, judged), mail): ((ConnectionId, Judged), Accepted)| {
            story::tell_refused(&judged, error);
            Answer { connection, verdict, digest: mail.digest }
        };
        Closed { answers: waiting.into_iter().zip(batch.mails).map(answer).collect(), ..Closed::default() }
    }

    fn flush_within(&mut self, time_max: Duration, now: Instant) {
        let at = now + time_max;
        self.flush_at = Some(self.flush_at.map_or(at, |known| known.min(at)));
    }

    fn take_id(&mut self) -> MessageId {
        let id = self.next_id;
        self.next_id = MessageId(id.0 + 1);
        id
    }
}

/// What an operator wants to be tried now.
fn retried(command: Command) -> Option<Selection> {
    match command {
        Command::RetryNotifications(selection) => Some(selection),
        _ => None,
    }
}

/// Of which domain a retry is that no operator asked for.
fn our_retry(command: &Command) -> Option<Domain> {
    match command {
        Command::RetryNotifications(Selection::Pending(domain)) => Some(domain.clone()),
        _ => None,
    }
}

fn is_unfinished(result: &CommandResult) -> bool {
    *result == CommandResult::Rows(COMMAND_ROWS_MAX)
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

#[cfg(test)]
mod tests;
