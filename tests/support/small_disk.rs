//! A real file system of a few megabytes that a test fills: a tmpfs in a mount namespace of its own, which needs no rights and is gone
//! with its process. It is reached through `/proc` by everybody who runs as the same user.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// The mounted file system.
pub struct SmallDisk {
    /// Where it is mounted, in its own namespace.
    place: TempDir,
    /// Keeps the namespace.
    holder: Child,
}

impl SmallDisk {
    /// Mounts one of `octets`; `None`, with the reason printed, where the system does not let us.
    pub fn mount(octets: usize) -> Option<Self> {
        let place = tempfile::tempdir().unwrap();
        let script = format!("mount -t tmpfs -o size={octets} small \"$0\" && echo mounted && exec cat");
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "--mount", "sh", "-c", &script]).arg(place.path());
        let mut holder = match command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn() {
            Ok(holder) => holder,
            Err(error) => {
                eprintln!("left out: unshare(1) cannot be run: {error}");
                return None;
            }
        };
        let mut said = String::new();
        BufReader::new(holder.stdout.take().unwrap()).read_line(&mut said).unwrap();
        if said.trim_end() != "mounted" {
            eprintln!("left out: this system mounts no tmpfs in a namespace of an ordinary user");
            let _ = holder.wait();
            return None;
        }
        Some(Self { place, holder })
    }

    /// Of a file on it.
    pub fn path(&self, name: &str) -> PathBuf {
        let root = PathBuf::from(format!("/proc/{}/root", self.holder.id()));
        root.join(self.place.path().strip_prefix("/").unwrap()).join(name)
    }

    /// Takes all the room that is left.
    pub fn fill(&self) {
        let mut ballast = File::options().create(true).append(true).open(self.path("ballast")).unwrap();
        for octets in [64 << 10, 1] {
            let block = vec![b'x'; octets];
            let error = std::iter::repeat_with(|| ballast.write_all(&block)).find_map(Result::err).unwrap();
            assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        }
    }

    /// Gives it back.
    pub fn free(&self) {
        fs::remove_file(self.path("ballast")).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}
