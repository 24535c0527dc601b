//! Programs of the system that tests and benches use where they are installed.

use std::path::PathBuf;

/// Where a program is, or `None` and a line that says what is left out.
pub fn installed(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let system = ["/usr/sbin", "/usr/lib/postfix/sbin", "/usr/libexec/postfix"].map(PathBuf::from);
    let found =
        std::env::split_paths(&path).chain(system).map(|folder| folder.join(program)).find(|file| file.is_file());
    if found.is_none() {
        println!("left out: {program} is not installed");
    }
    found
}
