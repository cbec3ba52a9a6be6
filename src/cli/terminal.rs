//! stdout for results, stderr for everything else, and whether somebody there wants an end. A reader that goes away is
//! no error.

use std::io::{self, IsTerminal, Write};

use anstream::{AutoStream, ColorChoice};

use super::args::When;
use super::exit::Failure;
use super::interrupt::Interrupt;

/// Both streams.
pub(crate) struct Terminal {
    results: Results<io::Stdout>,
    color: bool,
    quiet: bool,
    interrupt: Interrupt,
}

impl Terminal {
    /// The process's own streams, and its SIGINT.
    pub(crate) fn new(color: When, quiet: bool) -> Terminal {
        let stdout = io::stdout();
        let color = match color {
            When::Always => true,
            When::Never => false,
            // Obeys NO_COLOR, CLICOLOR, CLICOLOR_FORCE and TERM, then asks whether it is a terminal.
            When::Auto => AutoStream::choice(&stdout) != ColorChoice::Never,
        };
        Terminal { results: Results { out: stdout, closed: false }, color, quiet, interrupt: Interrupt::listen() }
    }

    /// Whether somebody wants the work to end.
    pub(crate) const fn interrupt(&self) -> &Interrupt {
        &self.interrupt
    }

    /// Whether results are coloured.
    pub(crate) const fn color(&self) -> bool {
        self.color
    }

    /// Whether only the verdict is wanted.
    pub(crate) const fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// Whether progress may be drawn.
    pub(crate) fn shows_progress(&self) -> bool {
        !self.quiet && io::stderr().is_terminal()
    }

    /// Prints a result.
    pub(crate) fn print(&mut self, text: &str) -> Result<(), Failure> {
        self.results.print(text).map_err(|error| Failure::output("<stdout>", &error))
    }

    /// Says something on stderr. If nobody hears it, so be it.
    pub(crate) fn say(&self, text: &str) {
        let _ = writeln!(io::stderr().lock(), "{text}");
    }

    /// [`Terminal::say`], unless asked to be quiet.
    pub(crate) fn note(&self, text: &str) {
        if !self.quiet {
            self.say(text);
        }
    }
}

/// A writer that takes a closed pipe for the end of interest.
struct Results<W> {
    out: W,
    closed: bool,
}

impl<W: Write> Results<W> {
    fn print(&mut self, text: &str) -> io::Result<()> {
        if self.closed {
            return Ok(());
        }
        match self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.closed = true;
                Ok(())
            }
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails with this kind after so many bytes.
    struct Failing(usize, io::ErrorKind);

    impl Write for Failing {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let taken = bytes.len().min(self.0);
            self.0 -= taken;
            if taken == 0 { Err(self.1.into()) } else { Ok(taken) }
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_closed_pipe_ends_quietly_and_a_full_disk_does_not() {
        let mut piped = Results { out: Failing(3, io::ErrorKind::BrokenPipe), closed: false };
        assert!(piped.print("abcdef").is_ok() && piped.print("more").is_ok() && piped.closed);
        let mut full = Results { out: Failing(3, io::ErrorKind::StorageFull), closed: false };
        assert!(full.print("abcdef").is_err());
    }
}
