//! Text inside HTML.

use crate::escape::is_harmful;
use std::fmt::{self, Write};

/// Shows a text so that it is nothing but text, in an element or an attribute in double quotes; what would reorder or hide it
/// is made visible.
pub struct Text<'a>(pub &'a str);

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| match c {
            '&' => f.write_str("&amp;"),
            '<' => f.write_str("&lt;"),
            '>' => f.write_str("&gt;"),
            '"' => f.write_str("&quot;"),
            '\'' => f.write_str("&#39;"),
            c if is_harmful(c) => write!(f, "{}", c.escape_default()),
            c => f.write_char(c),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_leaves_the_text() {
        assert_eq!(Text("<b a=\"x\" c='y'>&amp;").to_string(), "&lt;b a=&quot;x&quot; c=&#39;y&#39;&gt;&amp;amp;");
        let all: String = ('\0'..='\u{10ffff}').collect();
        assert!(!Text(&all).to_string().contains(|c| matches!(c, '<' | '>' | '"' | '\'') || is_harmful(c)));
    }
}
