//! A service as a process.

use crate::running::Acceptors;
use crate::tool::gryadka;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::io::{BufRead, BufReader, Lines};
use std::process::{Child, ChildStderr, Command};

/// A `gryadka serve` of its own.
pub(crate) struct Serving {
    child: Child,
    said: Lines<BufReader<ChildStderr>>,
}

impl Serving {
    pub(crate) fn over(acceptors: &Acceptors, words: &str) -> Self {
        Self::start(gryadka(&acceptors.urls().join(",")), words)
    }

    /// Starts `gryadka` with these words after those that it has.
    pub(crate) fn start(mut command: Command, words: &str) -> Self {
        command.args(["serve", "--listen", "127.0.0.1:0"]).args(words.split_whitespace());
        let mut child = command.spawn().unwrap();
        let said = BufReader::new(child.stderr.take().unwrap()).lines();
        Self { child, said }
    }

    /// The next line that it prints.
    pub(crate) fn says(&mut self) -> String {
        self.said.next().unwrap().unwrap()
    }

    /// Where it listens, once it does.
    pub(crate) fn listens(&mut self) -> String {
        loop {
            if let Some(address) = self.says().strip_prefix("gryadka: listening on ") {
                return address.to_owned();
            }
        }
    }

    /// Its exit code, once it has ended by itself.
    pub(crate) fn wait(&mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }

    /// Its exit code, after SIGTERM.
    pub(crate) fn end(mut self) -> Option<i32> {
        kill(Pid::from_raw(self.child.id().try_into().unwrap()), Signal::SIGTERM).unwrap();
        self.child.wait().unwrap().code()
    }
}

/// A test that fails must not leave it running.
impl Drop for Serving {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
