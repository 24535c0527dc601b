//! HTML to text: what a reader of the mail sees.
//!
//! A single pass without a tree: a notice's HTML is flat, and a tree would need limits of its own. Never fails; what is not
//! HTML comes back as it is. Knows no style sheets, so hidden text is text.

/// The most elements and comments that are skipped in one text: each costs a search for its end.
const SKIPS_MAX: usize = 50;

/// Whether a text is HTML, whatever its part is called.
pub fn starts(text: &str) -> bool {
    let text = text.trim_start();
    ["<html", "<!doctype html"]
        .iter()
        .any(|tag| text.get(..tag.len()).is_some_and(|start| start.eq_ignore_ascii_case(tag)))
}

/// Visible text: block elements end a line, scripts, styles and comments go, entities are decoded.
pub fn to_text(html: &str) -> String {
    let out = String::with_capacity(html.len() / 2);
    let mut writer = Writer { out, skips: SKIPS_MAX, is_as_typed: !has_lines(html), link: None };
    let mut rest = html;
    while let Some((text, after)) = rest.split_once('<') {
        writer.text(text);
        let Some((tag, after_tag)) = after.split_once('>') else { return writer.out };
        rest = after_tag;
        writer.tag(tag, &mut rest);
    }
    writer.text(rest);
    writer.out
}

/// Whether any element ends a line; plain text that is only called HTML has none.
fn has_lines(html: &str) -> bool {
    let mut tags = html.split('<').skip(1).take(TAGS_MAX);
    tags.any(|tag| LINES.contains(&name_of(tag).to_ascii_lowercase().as_str()))
}

/// How many tags are searched for one that ends a line.
const TAGS_MAX: usize = 200;

/// Elements that start a line.
const LINES: &[&str] =
    &["br", "p", "div", "tr", "li", "table", "h1", "h2", "h3", "h4", "pre", "blockquote", "hr", "ul", "title"];

/// The name of an element, from what stands behind `<` or `</`.
fn name_of(tag: &str) -> &str {
    tag.trim_start_matches('/').split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or("")
}

/// The address in `href="mailto:…"`.
fn mail_address(tag: &str) -> Option<String> {
    let at = memchr::memmem::find(tag.as_bytes(), b"mailto:")?;
    let address = tag.get(at + 7..)?.split(['"', '\'', '?', ' ']).next()?;
    address.contains('@').then(|| address.to_owned())
}

struct Writer {
    out: String,
    skips: usize,
    /// Line ends of the source are line ends of the text, as inside `<pre>`.
    is_as_typed: bool,
    /// The address of a link that is open, and where its words start.
    link: Option<(String, usize)>,
}

impl Writer {
    fn tag(&mut self, tag: &str, rest: &mut &str) {
        let name = name_of(tag).to_ascii_lowercase();
        match name.as_str() {
            "style" | "script" | "head" if !tag.starts_with('/') => self.skip_to(rest, &["</", &name].concat()),
            // Not a tag but an address in brackets that nobody escaped.
            _ if !tag.starts_with('!') && tag.contains('@') && !tag.contains(['=', ' ']) => {
                self.out.extend(["<", tag, ">"]);
            }
            "" if tag.starts_with("!--") => self.comment(tag, rest),
            "td" | "th" => self.out.push(' '),
            // What gateways add behind the document is plain text.
            "html" if tag.starts_with('/') => self.is_as_typed = true,
            "a" => self.link(tag),
            name if LINES.contains(&name) => {
                self.out.push('\n');
                self.is_as_typed = if name == "pre" { !tag.starts_with('/') } else { self.is_as_typed };
            }
            _ => {}
        }
    }

    /// Behind a name that links to its address stands the address.
    fn link(&mut self, tag: &str) {
        match self.link.take() {
            Some((address, start)) if !self.out.get(start..).unwrap_or("").contains('@') => {
                self.out.extend([" <", &address, ">"]);
            }
            _ => self.link = mail_address(tag).map(|address| (address, self.out.len())),
        }
    }

    fn comment(&mut self, tag: &str, rest: &mut &str) {
        if !tag.ends_with("--") {
            self.skip_to(rest, "-->");
            *rest = rest.strip_prefix("-->").unwrap_or(rest);
        }
    }

    /// What is never closed is not skipped: its text may be all there is.
    fn skip_to(&mut self, rest: &mut &str, close: &str) {
        if self.skips == 0 {
            return;
        }
        self.skips -= 1;
        let found = memchr::memmem::find(rest.as_bytes(), close.as_bytes())
            .or_else(|| memchr::memmem::find(rest.as_bytes(), close.to_ascii_uppercase().as_bytes()));
        *rest = found.and_then(|at| rest.get(at..)).unwrap_or(rest);
    }

    fn text(&mut self, text: &str) {
        let mut pieces = text.split('&');
        self.plain(pieces.next().unwrap_or(""));
        for piece in pieces {
            if let Some((decoded, rest)) = leading_entity(piece) {
                self.out.push(decoded);
                self.plain(rest);
            } else {
                self.out.push('&');
                self.plain(piece);
            }
        }
    }

    fn plain(&mut self, text: &str) {
        if self.is_as_typed {
            self.out.push_str(text);
        } else {
            self.collapsed(text);
        }
    }

    /// Line ends inside HTML text are spaces.
    fn collapsed(&mut self, text: &str) {
        for c in text.chars() {
            match c {
                '\n' | '\r' | '\t' | ' ' if self.out.ends_with([' ', '\n']) => {}
                '\n' | '\r' | '\t' => self.out.push(' '),
                c => self.out.push(c),
            }
        }
    }
}

/// `lt;rest` → `<` and `rest`.
fn leading_entity(piece: &str) -> Option<(char, &str)> {
    let semicolon = piece.bytes().take(10).position(|c| c == b';')?;
    Some((entity(piece.get(..semicolon)?)?, piece.get(semicolon + 1..)?))
}

/// Named characters (HTML 4), the letters in lower case; the rest are written as numbers or not at all.
const ENTITIES: &[(&str, char)] = &[
    ("lt", '<'),
    ("gt", '>'),
    ("amp", '&'),
    ("quot", '"'),
    ("apos", '\''),
    ("nbsp", ' '),
    ("rsquo", '\u{2019}'),
    ("auml", 'ä'),
    ("ouml", 'ö'),
    ("uuml", 'ü'),
    ("szlig", 'ß'),
    ("eacute", 'é'),
    ("egrave", 'è'),
    ("ecirc", 'ê'),
    ("agrave", 'à'),
    ("acirc", 'â'),
    ("ccedil", 'ç'),
    ("icirc", 'î'),
    ("ocirc", 'ô'),
    ("ugrave", 'ù'),
    ("ucirc", 'û'),
    ("aacute", 'á'),
    ("iacute", 'í'),
    ("oacute", 'ó'),
    ("uacute", 'ú'),
    ("ntilde", 'ñ'),
    ("atilde", 'ã'),
    ("otilde", 'õ'),
    ("aring", 'å'),
    ("aelig", 'æ'),
    ("oslash", 'ø'),
];

fn entity(name: &str) -> Option<char> {
    let find = |name: &str| ENTITIES.iter().find(|row| row.0 == name).map(|row| row.1);
    let capital = || find(&name.to_ascii_lowercase()).and_then(|c| c.to_uppercase().next());
    name.strip_prefix('#').map_or_else(|| find(name).or_else(capital), numeric_entity)
}

fn numeric_entity(number: &str) -> Option<char> {
    let code = match number.strip_prefix(['x', 'X']) {
        Some(hex) => u32::from_str_radix(hex, 16).ok()?,
        None => number.parse().ok()?,
    };
    char::from_u32(code).filter(|c| !c.is_control() || *c == '\n')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn html_becomes_lines() {
        let html = "<head><title>x</title></head><p>Not&nbsp;delivered to<br>&lt;a@b.de&gt;:\n <b>550</b> &#x35;.1.1 R&D</p><c@d.de>";
        assert_eq!(to_text(html).trim(), "Not delivered to\n<a@b.de>: 550 5.1.1 R&D\n<c@d.de>");
        assert_eq!(to_text("<head>open <style>p{}"), "open p{}");
    }

    #[test]
    fn line_ends_count_in_preformatted_text_alone() {
        assert_eq!(to_text("<p>a\nb</p><PRE>\nc\n  d</pre>e\nf"), "\na b\n\n\nc\n  d\ne f");
        assert_eq!(to_text("<p>a\nb</p></html>\nc\nd"), "\na b\n\nc\nd");
        assert_eq!(to_text("Not sent to:\n  <a@b.de>\n<b>550</b>\n"), "Not sent to:\n  <a@b.de>\n550\n");
    }

    #[test]
    fn a_name_is_followed_by_the_address_that_it_links_to() {
        assert_eq!(to_text("<p><a class=x href='mailto:a@b.de?subject=x'>Ada B</a> failed"), "\nAda B <a@b.de> failed");
        assert_eq!(to_text("<p><a href=\"mailto:a@b.de\">a@b.de</a>, <a href='http://x.de/'>b</a>"), "\na@b.de, b");
    }

    #[test]
    fn a_comment_is_not_seen() {
        assert_eq!(to_text("a<!-- if <b> x@y.de --><!--x@y.de--> c<br>"), "a c\n");
        assert_eq!(to_text("a<!-- never > closed<br>"), "a closed\n");
    }
}
