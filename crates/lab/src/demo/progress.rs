//! What a person sees while it runs: one line a step, and on a terminal also what is going on.

use std::fmt;
use std::io::{self, IsTerminal as _, Write};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget};

/// Ten pictures a second look alive.
const TICK: Duration = Duration::from_millis(100);

/// Where the demo's lines go.
pub struct Progress {
    sink: Sink,
}

enum Sink {
    Terminal(ProgressBar),
    Plain(Box<dyn Write + Send>),
}

impl Progress {
    /// On standard output: with a moving line at the end on a terminal, plain lines elsewhere.
    #[must_use]
    pub fn stdout() -> Self {
        if io::stdout().is_terminal() {
            let spinner = ProgressBar::new_spinner();
            spinner.set_draw_target(ProgressDrawTarget::stdout());
            Self { sink: Sink::Terminal(spinner) }
        } else {
            Self::plain(io::stdout())
        }
    }

    /// Plain lines into `out`.
    pub fn plain(out: impl Write + Send + 'static) -> Self {
        Self { sink: Sink::Plain(Box::new(out)) }
    }

    /// A line that stays.
    pub(super) fn line(&mut self, text: &str) {
        match &mut self.sink {
            Sink::Terminal(spinner) => spinner.suspend(|| write_line(&mut io::stdout().lock(), text)),
            Sink::Plain(out) => write_line(out, text),
        }
    }

    /// What is going on now; on a terminal only.
    pub(super) fn working(&mut self, text: &str) {
        if let Sink::Terminal(spinner) = &self.sink {
            spinner.set_message(text.to_owned());
            spinner.enable_steady_tick(TICK);
        }
    }

    /// Nothing is going on.
    pub(super) fn idle(&mut self) {
        if let Sink::Terminal(spinner) = &self.sink {
            spinner.disable_steady_tick();
            spinner.set_message("");
            spinner.finish_and_clear();
            spinner.reset();
        }
    }
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sink = match self.sink {
            Sink::Terminal(_) => "terminal",
            Sink::Plain(_) => "plain",
        };
        f.debug_struct("Progress").field("sink", &sink).finish()
    }
}

fn write_line(out: &mut dyn Write, text: &str) {
    // A reader that went away must not keep the server from being stopped.
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}
