//! Throughput and latency against sessions, as a picture.

use crate::report::Row;
use std::fmt::Write;

/// Two plots beside each other, sessions from left to right on a logarithmic scale; a line for each shape.
pub fn svg(rows: &[Row]) -> String {
    let mut picture =
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 720 260\" font-family=\"sans-serif\" font-size=\"11\">\n\
         <rect width=\"720\" height=\"260\" fill=\"white\"/>\n"
            .to_owned();
    let up: Vec<&Row> = rows.iter().filter(|row| row.platform_is_up()).collect();
    plot(&mut picture, &up, 50.0, "mails a second, by sessions", Row::rate);
    plot(&mut picture, &up, 410.0, "acknowledgement, 99 %, in ms, by sessions", Row::p99_millis);
    picture.push_str("</svg>\n");
    picture
}

fn plot(picture: &mut String, rows: &[&Row], left: f64, title: &str, value: impl Fn(&Row) -> f64) {
    const COLOURS: [(&str, &str); 3] = [("once", "#b45309"), ("many", "#1d4ed8"), ("pipelined", "#047857")];
    let highest = rows.iter().map(|row| value(row)).fold(1e-9, f64::max);
    let x = |row: &Row| left + 260.0 * (row.sessions() as f64).log10() / 3.0;
    let y = |row: &Row| 220.0 - 180.0 * value(row) / highest;
    writeln!(picture, "<text x=\"{left}\" y=\"20\" font-weight=\"bold\">{title}</text>").unwrap();
    writeln!(picture, "<path d=\"M{left} 40V220H{}\" fill=\"none\" stroke=\"#888\"/>", left + 260.0).unwrap();
    writeln!(picture, "<text x=\"{}\" y=\"44\" text-anchor=\"end\">{highest:.1}</text>", left - 4.0).unwrap();
    for (tick, label) in ["1", "10", "100", "1000"].iter().enumerate() {
        let at = left + 260.0 * tick as f64 / 3.0;
        writeln!(picture, "<text x=\"{at}\" y=\"236\" text-anchor=\"middle\">{label}</text>").unwrap();
    }
    for (place, (shape, colour)) in COLOURS.iter().enumerate() {
        let of_shape: Vec<&&Row> = rows.iter().filter(|row| row.shape() == *shape).collect();
        let points: Vec<String> = of_shape.iter().map(|row| format!("{:.1},{:.1}", x(row), y(row))).collect();
        writeln!(picture, "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\"/>", points.join(" ")).unwrap();
        for row in of_shape {
            writeln!(picture, "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"3\" fill=\"{colour}\"/>", x(row), y(row)).unwrap();
        }
        let at = left + 90.0 * place as f64;
        writeln!(picture, "<text x=\"{at}\" y=\"254\" fill=\"{colour}\">{shape}</text>").unwrap();
    }
}
