//! The thin binary: everything is in the library.

use bouncesvc::{classify, policy};
use std::io::Write;

fn main() -> std::io::Result<()> {
    let paths: Vec<_> = std::env::args_os().skip_while(|a| a != "json").skip(1).map(Into::into).collect();
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    classify::run(&paths, classify::Format::Json, &policy::default_action, &mut out)?;
    out.flush()
}
