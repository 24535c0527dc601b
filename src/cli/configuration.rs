//! `check-config` and `print-config`: look at the configuration alone.

use super::Failure;
use crate::config::{self, Choice};
use std::io::Write as _;

/// Says that the configuration is right, and what should be known all the same.
pub fn check(choice: &Choice) -> Result<(), Failure> {
    let config = config::load_complete(choice)?;
    let mut out = std::io::stdout().lock();
    let domains: Vec<&str> = config.server.tenants.iter().map(|tenant| tenant.domain.as_str()).collect();
    writeln!(out, "{}, section {}: correct", config.file.display(), config.environment)?;
    writeln!(out, "database: {}", config.database.display())?;
    writeln!(out, "domains: {}", domains.join(", "))?;
    for warning in config.warnings() {
        writeln!(out, "warning: {warning}")?;
    }
    Ok(())
}

/// Prints every key with the value in force.
pub fn print(choice: &Choice) -> Result<(), Failure> {
    let config = config::load(choice)?;
    std::io::stdout().write_all(config.effective_yaml().as_bytes())?;
    Ok(())
}
