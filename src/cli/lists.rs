//! Lists as tables, JSON and CSV. Rows are printed as they come; a table takes its widths from the first rows.
//!
//! On a terminal a table's free text is cut to what the line has left for it. Nothing else ever is, so that what is shown can be
//! searched for and copied: a line of long addresses goes on in the next one. A pipe or a file gets everything.

use super::values::Form;
use crate::escape::{Escaped, JsonString};
use crate::status::words::cut;
use serde_json::Value;
use std::fmt::Write as _;
use std::io::{self, BufWriter, StdoutLock, Write};

/// Rows that decide on the widths of a table's columns.
const MEASURED_ROWS: usize = 500;
/// A wider column is not aligned.
const WIDTH_MAX: usize = 60;
/// What others wrote, as a rule the longest of a row; a list has one such column at most.
const FREE_TEXT: [&str; 3] = ["last_error", "subject", "detail"];
/// Free text is not cut below this.
const FREE_TEXT_MIN: usize = 20;
/// Between two columns.
const GAP: usize = 2;

/// Prints a list.
pub struct List<W: Write> {
    form: Form,
    columns: &'static [&'static str],
    out: W,
    /// Columns of the terminal; none elsewhere.
    line_max: Option<usize>,
    rows: usize,
    measured: Vec<Vec<String>>,
    widths: Vec<usize>,
    /// Which column is free text, and how much of it is shown.
    cut: Option<(usize, usize)>,
}

impl List<BufWriter<StdoutLock<'static>>> {
    /// Fitted to the terminal, where standard output is one.
    pub fn to_stdout(form: Form, columns: &'static [&'static str]) -> Self {
        let out = io::stdout();
        Self::new(form, columns, terminal_columns(&out), BufWriter::new(out.lock()))
    }
}

/// `None`: it is no terminal, or does not tell.
fn terminal_columns(out: &io::Stdout) -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(out).ok()?;
    Some(size.ws_col.into()).filter(|columns| *columns > 0)
}

impl<W: Write> List<W> {
    /// Nothing is printed yet.
    pub fn new(form: Form, columns: &'static [&'static str], line_max: Option<usize>, out: W) -> Self {
        Self { form, columns, out, line_max, rows: 0, measured: Vec::new(), widths: Vec::new(), cut: None }
    }

    /// The next row: a value for each column.
    pub fn row(&mut self, values: &[Value]) -> io::Result<()> {
        self.rows += 1;
        match self.form {
            Form::Table => self.table_row(values),
            Form::Json => {
                self.out.write_all(if self.rows == 1 { b"[\n" } else { b",\n" })?;
                self.out.write_all(object(self.columns, values).as_bytes())
            }
            Form::Csv => {
                if self.rows == 1 {
                    self.csv_head()?;
                }
                let cells: Vec<String> = values.iter().map(csv_cell).collect();
                write!(self.out, "{}\r\n", cells.join(","))
            }
        }
    }

    /// What stands behind the last row.
    pub fn finish(mut self) -> io::Result<()> {
        match (self.form, self.rows) {
            (Form::Table, 0) => writeln!(self.out, "Nothing to show.")?,
            (Form::Table, _) => self.print_measured()?,
            (Form::Json, 0) => writeln!(self.out, "[]")?,
            (Form::Json, _) => writeln!(self.out, "\n]")?,
            (Form::Csv, 0) => self.csv_head()?,
            (Form::Csv, _) => {}
        }
        self.out.flush()
    }

    fn csv_head(&mut self) -> io::Result<()> {
        write!(self.out, "{}\r\n", self.columns.join(","))
    }

    fn table_row(&mut self, values: &[Value]) -> io::Result<()> {
        let cells: Vec<String> = values.iter().map(|value| Escaped(&plain(value)).to_string()).collect();
        if self.rows > MEASURED_ROWS {
            return self.print(&cells);
        }
        self.measured.push(cells);
        if self.rows == MEASURED_ROWS { self.print_measured() } else { Ok(()) }
    }

    fn print_measured(&mut self) -> io::Result<()> {
        let rows = std::mem::take(&mut self.measured);
        if self.widths.is_empty() {
            let head: Vec<String> = self.columns.iter().map(|column| column.to_uppercase()).collect();
            let width = |at: usize| {
                let cells = rows.iter().chain([&head]).filter_map(|row| row.get(at));
                cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
            };
            self.fit((0..head.len()).map(width).collect());
            self.print(&head)?;
        }
        rows.iter().try_for_each(|cells| self.print(cells))
    }

    fn fit(&mut self, mut widths: Vec<usize>) {
        let free = self.columns.iter().position(|column| FREE_TEXT.contains(column));
        if let (Some(at), Some(line_max)) = (free, self.line_max) {
            let others: usize =
                widths.iter().enumerate().filter(|(other, _)| *other != at).map(|(_, width)| width + GAP).sum();
            self.cut = Some((at, line_max.saturating_sub(others).max(FREE_TEXT_MIN)));
        }
        for (at, width) in widths.iter_mut().enumerate() {
            *width = (*width).min(self.shown_of(at).unwrap_or(WIDTH_MAX));
        }
        self.widths = widths;
    }

    /// How much of a column is shown; `None`: all.
    fn shown_of(&self, at: usize) -> Option<usize> {
        self.cut.filter(|(free, _)| *free == at).map(|(_, chars_max)| chars_max)
    }

    fn print(&mut self, cells: &[String]) -> io::Result<()> {
        let mut line = String::new();
        for (at, (cell, width)) in cells.iter().zip(&self.widths).enumerate() {
            let shown = self.shown_of(at).map_or_else(|| cell.clone(), |chars_max| cut(cell, chars_max));
            // Writing to a String cannot fail.
            _ = write!(line, "{shown:width$}{:GAP$}", "");
        }
        writeln!(self.out, "{}", line.trim_end())
    }
}

/// A value as a person reads it.
fn plain(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The columns in their order, which a map would not keep.
fn object(columns: &[&str], values: &[Value]) -> String {
    let fields = columns.iter().zip(values).map(|(column, value)| {
        let value = if let Value::String(text) = value { JsonString(text).to_string() } else { value.to_string() };
        format!("\"{column}\": {value}")
    });
    format!("  {{{}}}", fields.collect::<Vec<_>>().join(", "))
}

/// RFC 4180. Text that a spreadsheet would take for a formula gets a quote in front, control characters are escaped.
fn csv_cell(value: &Value) -> String {
    let Value::String(text) = value else {
        return if value.is_null() { String::new() } else { value.to_string() };
    };
    let guard = if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
    let text = format!("{guard}{}", Escaped(text));
    if text.contains([',', '"', ' ', ';']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn printed(form: Form, rows: &[Vec<Value>]) -> String {
        let mut out = Vec::new();
        let mut list = List::new(form, &["address", "count"], None, &mut out);
        for row in rows {
            list.row(row).unwrap();
        }
        list.finish().unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn each_form_prints_the_same_rows() {
        let rows = [vec![json!("a@b.de"), json!(3)], vec![json!("longer@b.de"), Value::Null]];
        assert_eq!(printed(Form::Table, &rows), "ADDRESS      COUNT\na@b.de       3\nlonger@b.de  -\n");
        assert_eq!(printed(Form::Csv, &rows), "address,count\r\na@b.de,3\r\nlonger@b.de,\r\n");
        let parsed: Value = serde_json::from_str(&printed(Form::Json, &rows)).unwrap();
        assert_eq!(parsed, json!([{"address": "a@b.de", "count": 3}, {"address": "longer@b.de", "count": null}]));
    }

    #[test]
    fn an_empty_list_is_a_list() {
        assert_eq!(printed(Form::Table, &[]), "Nothing to show.\n");
        assert_eq!(printed(Form::Csv, &[]), "address,count\r\n");
        assert_eq!(printed(Form::Json, &[]), "[]\n");
    }

    #[test]
    fn hostile_text_forges_no_row_cell_or_formula() {
        let rows = [vec![json!("=cmd|'x'!A1\"@b.de\r\n\u{1b}[2J\u{202e}"), json!(1)]];
        let csv = "address,count\r\n\"'=cmd|'x'!A1\"\"@b.de\\r\\n\\u{1b}[2J\\u{202e}\",1\r\n";
        assert_eq!(printed(Form::Csv, &rows), csv);
        let table = printed(Form::Table, &rows);
        assert!(!table.contains(['\u{1b}', '\u{202e}', '\r']) && table.lines().count() == 2, "{table:?}");
    }

    #[test]
    fn no_cell_is_taken_for_a_formula() {
        for text in ["=1", "+1", "-1", "@a", "\t=1", "\r=1"] {
            assert!(csv_cell(&json!(text)).starts_with('\''), "{text:?}");
        }
        for (text, cell) in [("a=1", "a=1"), ("a;b", "\"a;b\""), ("a b", "\"a b\""), ("", "")] {
            assert_eq!(csv_cell(&json!(text)), cell);
        }
        assert_eq!(csv_cell(&json!(-1)), "-1");
    }

    #[test]
    fn long_lists_go_on_behind_the_measured_rows() {
        let rows: Vec<_> = (0..MEASURED_ROWS + 10).map(|number| vec![json!("a@b.de"), json!(number)]).collect();
        assert_eq!(printed(Form::Table, &rows).lines().count(), rows.len() + 1);
    }

    #[test]
    fn on_a_terminal_free_text_takes_what_the_line_has_left_and_nothing_else_is_cut() {
        const COLUMNS: &[&str] = &["address", "last_error", "created"];
        let long = "the platform answered 503 and said much about it";
        let rows = [("quite.a.long.name@example.com", long), ("a@b.de", "short")];
        for (line_max, first) in [
            (Some(62), "quite.a.long.name@example.com  the platform answered…  now\n"),
            (Some(10), "quite.a.long.name@example.com  the platform answer…  now\n"),
            (Some(200), "quite.a.long.name@example.com  the platform answered 503 and said much about it  now\n"),
            (None, "quite.a.long.name@example.com  the platform answered 503 and said much about it  now\n"),
        ] {
            let mut out = Vec::new();
            let mut list = List::new(Form::Table, COLUMNS, line_max, &mut out);
            for (address, error) in rows {
                list.row(&[json!(address), json!(error), json!("now")]).unwrap();
            }
            list.finish().unwrap();
            let text = String::from_utf8(out).unwrap();
            let mut lines = text.split_inclusive('\n');
            assert_eq!((lines.nth(1), line_max), (Some(first), line_max));
            let at = |line: &str| line.find("now").map(|at| line[..at].chars().count());
            assert_eq!(lines.next().and_then(at), at(first), "{text}");
        }
    }
}
