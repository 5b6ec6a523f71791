//! Texts about one subject each, as Markdown beside this file: what there is to know beyond the
//! options. How they are shown is `manual`'s.

/// A text about one subject.
#[derive(Clone, Copy, Debug)]
pub(super) struct Topic {
    /// The word that asks for it.
    pub(super) name: &'static str,
    /// The text, with places in braces that the program's own tables fill.
    pub(super) markdown: &'static str,
}

/// All of them, in the order in which they are listed.
pub(super) const TOPICS: [Topic; 13] = [
    Topic { name: "lists", markdown: include_str!("topics/lists.md") },
    Topic { name: "limits", markdown: include_str!("topics/limits.md") },
    Topic { name: "waves", markdown: include_str!("topics/waves.md") },
    Topic { name: "nights", markdown: include_str!("topics/nights.md") },
    Topic { name: "change-requests", markdown: include_str!("topics/change-requests.md") },
    Topic { name: "cancelling", markdown: include_str!("topics/cancelling.md") },
    Topic { name: "reports", markdown: include_str!("topics/reports.md") },
    Topic { name: "monitoring", markdown: include_str!("topics/monitoring.md") },
    Topic { name: "sign-in", markdown: include_str!("topics/sign-in.md") },
    Topic { name: "settings", markdown: include_str!("topics/settings.md") },
    Topic { name: "tenants", markdown: include_str!("topics/tenants.md") },
    Topic { name: "hosts", markdown: include_str!("topics/hosts.md") },
    Topic { name: "exit-codes", markdown: include_str!("topics/exit-codes.md") },
];

impl Topic {
    /// The topic of this name.
    pub(super) fn named(name: &str) -> Option<Self> {
        TOPICS.into_iter().find(|topic| topic.name == name)
    }

    /// What it is about, in a few words.
    pub(super) fn title(self) -> &'static str {
        let first = self.markdown.lines().next().unwrap_or_default();
        first.trim_start_matches(['#', ' '])
    }
}
