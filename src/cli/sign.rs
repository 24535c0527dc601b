//! `sign`: what a platform adds to one mail, so that its bounce proves that the mail was ours.
//!
//! For trying out, and for platforms that would rather call a program than compute an HMAC.

use super::Failure;
use super::arguments::Sign;
use super::exit::{CONFIG, DATA};
use crate::config::{self, Choice};
use crate::evidence::{self, Day, LOCAL_PART_OCTETS_MAX, TOKEN_FIELD};
use crate::types::{Address, Domain};
use std::io::Write as _;

/// Prints a header field and an envelope sender; either one is enough.
pub fn run(choice: &Choice, options: &Sign) -> Result<(), Failure> {
    let address = Address::parse(&options.address).ok_or_else(|| Failure::usage("--address: expected local@domain"))?;
    let domain = Domain::parse(&options.domain).ok_or_else(|| Failure::usage("--domain: expected a domain name"))?;
    let config = config::load_complete(choice)?;
    let Some(tenant) = config.server.tenants.get(&domain) else {
        return Err(Failure::new(DATA, format!("{domain} is none of the configured domains")));
    };
    let Some(secret) = tenant.evidence.secrets.first() else {
        return Err(Failure::new(CONFIG, format!("{domain} has no signing_secret in {}", config.file.display())));
    };
    let signature = evidence::sign(secret, &address, &domain, Day::from(super::now()));
    let mut out = std::io::stdout().lock();
    writeln!(out, "{TOKEN_FIELD}: {signature}")?;
    match evidence::verp(&options.prefix, &address, &domain, &signature) {
        Some(path) => {
            writeln!(out, "MAIL FROM:<{path}>")?;
            let octets = path.rsplit_once('@').map_or(0, |(local, _)| local.len());
            if octets > LOCAL_PART_OCTETS_MAX {
                log::warn!(
                    "the local part has {octets} octets: some mail servers take no more than {LOCAL_PART_OCTETS_MAX}"
                );
            }
        }
        None => log::warn!("the address does not fit into an envelope sender with this prefix: use the header field"),
    }
    Ok(())
}
