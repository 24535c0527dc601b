//! A Postfix of its own: in a folder of its own, on the loopback interface alone, ended with its guard.

use super::programs::installed;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A running Postfix.
pub struct Postfix {
    folder: PathBuf,
    master: Child,
}

impl Postfix {
    /// With more lines in `main.cf` and services in `master.cf`. It takes mail from `sendmail -C` where they name no other way.
    ///
    /// `None`, and a line that says why: not installed, or not allowed here. Others need the right to enter the parent of `folder`, and get it.
    pub fn start(folder: &Path, main: &str, services: &str) -> Option<Self> {
        let master = installed("master")?;
        if !rustix::process::geteuid().is_root() {
            println!("left out: Postfix is started by root alone");
            return None;
        }
        for name in ["", "queue", "data"] {
            fs::create_dir_all(folder.join(name)).unwrap();
        }
        // Its services run as the user postfix and have to get here.
        fs::set_permissions(folder.parent().unwrap(), fs::Permissions::from_mode(0o755)).unwrap();
        let common = MAIN_CF.replace("FOLDER", folder.to_str().unwrap());
        fs::write(folder.join("main.cf"), common + main).unwrap();
        fs::write(folder.join("master.cf"), format!("{MASTER_CF}{services}")).unwrap();
        let prepared = Command::new("chown").arg("postfix").arg(folder.join("data")).status().unwrap();
        let checked = Command::new("postfix").arg("-c").arg(folder).arg("check").status().unwrap();
        assert!(prepared.success() && checked.success());
        let master = Command::new(master).arg("-c").arg(folder).arg("-d").stderr(Stdio::null()).spawn().unwrap();
        Some(Self { folder: folder.to_owned(), master })
    }

    /// Where its configuration, its queue and its log are.
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

impl Drop for Postfix {
    fn drop(&mut self) {
        let pid = rustix::process::Pid::from_child(&self.master);
        _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        _ = self.master.wait();
    }
}

const MAIN_CF: &str = "\
compatibility_level = 3.6
queue_directory = FOLDER/queue
data_directory = FOLDER/data
maillog_file = FOLDER/log
maillog_file_prefixes = FOLDER
myhostname = relay.example
mydestination =
inet_interfaces = loopback-only
alias_maps =
alias_database =
smtputf8_enable = yes
smtp_tls_security_level = none
";

const MASTER_CF: &str = "\
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
showq unix n - n - - showq
postlog unix-dgram n - n - 1 postlogd
";
