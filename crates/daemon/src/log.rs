//! Where log lines go: standard error, dressed for whoever reads it.
//!
//! The journal stamps every line itself and takes the priority from a `<N>` in front
//! (sd-daemon(3)); a person or a file gets the time and the level in words.

use std::fmt;
use std::io::Write as _;

use tracing::{Event, Level, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::{FormatFields, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormattedFields};
use tracing_subscriber::registry::LookupSpan;

/// Says something on standard error that is no line of a log; nobody may be there to read it.
pub fn say(what: impl fmt::Display) {
    let _ = writeln!(std::io::stderr(), "{what}");
}

/// Starts logging; `KEDGE_LOG` takes a filter such as `debug` or `kedge_lma=trace`.
pub fn start() {
    let filter = EnvFilter::try_from_env("KEDGE_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        // A log that cannot be written (a full disk, a reader that is gone) is no reason to stop;
        // complaining about it where it cannot be written would be one.
        .log_internal_errors(false);
    if std::env::var_os("JOURNAL_STREAM").is_some() {
        builder.event_format(Journal).init();
    } else {
        builder.with_target(false).with_ansi(false).init();
    }
}

/// One line for the journal: priority, message, fields.
struct Journal;

impl<S, N> FormatEvent<S, N> for Journal
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let priority = match *event.metadata().level() {
            Level::ERROR => 3,
            Level::WARN => 4,
            Level::INFO => 6,
            Level::DEBUG | Level::TRACE => 7,
        };
        write!(writer, "<{priority}>")?;
        for span in context.event_scope().into_iter().flat_map(|scope| scope.from_root()) {
            write!(writer, "{}", span.name())?;
            if let Some(fields) = span.extensions().get::<FormattedFields<N>>() {
                write!(writer, "{{{fields}}}")?;
            }
            writer.write_str(": ")?;
        }
        context.format_fields(writer.by_ref(), event)?;
        writeln!(writer)
    }
}
