//! `import-sqlite`: moves in from the predecessor.

use super::Failure;
use super::arguments::ImportSqlite;
use crate::config::Choice;

/// Says what is taken over, and takes it over.
#[cfg(feature = "import-sqlite")]
pub fn run(choice: &Choice, options: &ImportSqlite) -> Result<(), Failure> {
    use super::exit::DATA;
    use crate::import;
    use std::io::Write as _;

    let config = super::load(choice)?;
    let plan =
        import::plan(&options.file, &config.server.tenants).map_err(|error| Failure::new(DATA, error.to_string()))?;
    let mut out = std::io::stdout().lock();
    write!(out, "{plan}")?;
    if options.dry_run {
        writeln!(out, "Nothing was changed (--dry-run).")?;
        return Ok(());
    }
    let changed = take_over(&config, plan.commands)?;
    writeln!(out, "{changed} rows of {} were changed.", config.database.display())?;
    Ok(())
}

/// Without the feature, where to get it.
#[cfg(not(feature = "import-sqlite"))]
pub fn run(_choice: &Choice, _options: &ImportSqlite) -> Result<(), Failure> {
    Err(Failure::usage(
        "this bouncesvc was built without import-sqlite: the Debian package has it, as has `cargo install --features import-sqlite`",
    ))
}

#[cfg(feature = "import-sqlite")]
fn take_over(config: &crate::config::Config, commands: Vec<crate::change::Command>) -> Result<u64, Failure> {
    use crate::change::{Batch, CommandResult};
    use crate::store::{OpenError, Store};

    let opened = Store::open(&config.database, config.store.clone(), super::now());
    let mut store = opened.map_err(|error| match error {
        OpenError::Locked(_) => {
            Failure::try_again(format!("{error}: stop the daemon for the import, it takes seconds"))
        }
        other => other.into(),
    })?;
    let mut changed = 0;
    let mut commands = commands.into_iter();
    loop {
        let batch = Batch { commands: commands.by_ref().take(1000).collect(), ..Batch::default() };
        if batch.is_empty() {
            return Ok(changed);
        }
        for result in store.commit(&batch, super::now())?.commands {
            changed += if let CommandResult::Rows(rows) = result { rows } else { 0 };
        }
    }
}
