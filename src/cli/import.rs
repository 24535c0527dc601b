//! `import-sqlite`: moves in from the predecessor, also while the daemon runs.

use super::Failure;
use super::arguments::ImportSqlite;
use crate::config::Choice;

/// Says what is taken over, and takes it over.
#[cfg(feature = "import-sqlite")]
pub fn run(choice: &Choice, options: &ImportSqlite) -> Result<(), Failure> {
    use super::exit::DATA;
    use crate::import::ImportError;
    use crate::status::words::count;
    use crate::{config, import};
    use std::io::Write as _;

    let config = config::load(choice)?;
    let plan = import::plan(&options.file, &config.server.tenants).map_err(|error| match &error {
        ImportError::Busy(why) => Failure::try_again(why),
        ImportError::Unreadable(why) => Failure::new(DATA, why),
    })?;
    let mut out = std::io::stdout().lock();
    write!(out, "{plan}")?;
    if options.dry_run {
        writeln!(out, "Nothing was changed (--dry-run).")?;
        return Ok(());
    }
    let changed = take_over(&config, &plan)?;
    writeln!(out, "Done: {} of {}.", count(changed, "row"), config.database.display())?;
    Ok(())
}

/// Without the feature, where to get it.
#[cfg(not(feature = "import-sqlite"))]
pub fn run(_choice: &Choice, _options: &ImportSqlite) -> Result<(), Failure> {
    Err(Failure::usage(
        "this bouncesvc was built without import-sqlite: the Debian package has it, as has `cargo build --release --features import-sqlite`",
    ))
}

/// Slice by slice; what was interrupted is done again without harm.
#[cfg(feature = "import-sqlite")]
fn take_over(config: &crate::config::Config, plan: &crate::import::Plan) -> Result<u64, Failure> {
    use super::desk::Asked;
    use crate::change::{Command, CommandResult};
    use crate::operate::{Reply, Request};

    let mut asked = Asked::open(config, true)?;
    let mut changed = 0;
    for slice in plan.slices() {
        asked.ask(&Request::Change(Command::Import(slice.to_vec())), &mut |reply| {
            changed += if let Reply::Changed(CommandResult::Rows(rows)) = reply { rows } else { 0 };
            Ok(())
        })?;
    }
    Ok(changed)
}
