//! The guide, page by page; `rollproof guide PAGE` prints one, and every command in it is run by a test.

/// A page of the guide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it is about, in a few words.
    pub about: &'static str,
    /// The page, Markdown of at most 80 columns outside of code.
    pub text: &'static str,
}

/// All pages, in the order in which they are best read.
pub static PAGES: &[Page] = &[
    Page { name: "model", about: "what is simulated, and what is not", text: include_str!("model.md") },
    Page { name: "verdicts", about: "how to read a verdict", text: include_str!("verdicts.md") },
    Page { name: "statistics", about: "statistics for practitioners", text: include_str!("statistics.md") },
    Page { name: "strategies", about: "upgrade tools, plans of your own", text: include_str!("strategies.md") },
    Page { name: "ci", about: "a gate in CI, with a baseline", text: include_str!("ci.md") },
    Page { name: "labs", about: "exercises for students and teachers", text: include_str!("labs.md") },
    Page { name: "fidelity", about: "how faithful the model is", text: include_str!("fidelity.md") },
];

#[doc = include_str!("model.md")]
pub mod model {}
#[doc = include_str!("verdicts.md")]
pub mod verdicts {}
#[doc = include_str!("statistics.md")]
pub mod statistics {}
#[doc = include_str!("strategies.md")]
pub mod strategies {}
#[doc = include_str!("ci.md")]
pub mod ci {}
#[doc = include_str!("labs.md")]
pub mod labs {}
#[doc = include_str!("fidelity.md")]
pub mod fidelity {}

/// The page of this name.
pub fn find(name: &str) -> Option<&'static Page> {
    PAGES.iter().find(|page| page.name == name)
}
