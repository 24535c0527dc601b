//! The commands that the README shows, with what they are shown to print.

// Each test binary compiles this anew and uses its own share of it.
#![allow(dead_code)]

/// One command of a transcript.
pub struct Step {
    /// Behind the `$ `.
    pub command: String,
    /// The lines below it.
    pub output: Vec<String>,
    /// Of the command in the file, from 0 on.
    pub line: usize,
}

/// Each ```` ```console ```` block.
pub fn blocks(readme: &str) -> Vec<Vec<Step>> {
    let mut blocks: Vec<Vec<Step>> = Vec::new();
    let mut is_console = false;
    for (line, text) in readme.lines().enumerate() {
        if let Some(kind) = text.strip_prefix("```") {
            is_console = kind == "console";
            blocks.extend(is_console.then(Vec::new));
        } else if let Some(block) = blocks.last_mut().filter(|_| is_console) {
            match text.strip_prefix("$ ") {
                Some(command) => block.push(Step { command: command.to_owned(), output: Vec::new(), line }),
                None => block.last_mut().expect("a command stands first").output.push(text.to_owned()),
            }
        }
    }
    blocks
}

/// The blocks that show nothing but `bouncesvc`: all that they show is what is printed.
pub fn transcripts(readme: &str) -> Vec<Step> {
    let is_ours = |block: &Vec<Step>| block.iter().all(|step| step.command.starts_with("bouncesvc "));
    blocks(readme).into_iter().filter(is_ours).flatten().collect()
}

/// The lines of the block in which a line begins like this.
pub fn block(readme: &str, beginning: &str) -> Vec<String> {
    let blocks = readme.split("\n```").map(|block| block.lines().skip(1).map(str::to_owned).collect::<Vec<_>>());
    let mut found = blocks.filter(|block| block.iter().any(|line| line.starts_with(beginning)));
    found.next().expect("the block is there")
}
