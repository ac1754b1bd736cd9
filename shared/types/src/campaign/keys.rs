//! Where everything lies in the buckets.
//!
//! | bucket | key | what |
//! |---|---|---|
//! | campaigns | `campaigns/<id>.csv`, `.jsonl`, each with or without `.gz` | a campaign |
//! | campaigns | `campaigns/<id>.campaign.json` | its settings, uploaded before it |
//! | campaigns | `decisions/<id>/<name>.csv`, `.jsonl` | decisions about its held contents |
//! | work | `work/<id>/<upload>/…` | what the functions hand to each other; it expires |
//! | reports | `<id>/…` | what people read |
//!
//! An *upload* is one version of a campaign's file. Uploading the file again begins a new one.

use super::is_campaign_id;

/// Folder of campaigns and sidecars.
pub const CAMPAIGNS: &str = "campaigns/";
/// Folder of decision files.
pub const DECISIONS: &str = "decisions/";
/// Folder of what the functions hand to each other.
pub const WORK: &str = "work/";

/// The form of a file's rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// CSV as in RFC 4180, with a header line.
    Csv,
    /// One JSON object a line.
    JsonLines,
}

/// What an uploaded object is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Uploaded {
    /// A campaign.
    Campaign {
        /// Its id.
        id: String,
        /// The form of its rows.
        form: Form,
        /// Whether it is compressed.
        gzip: bool,
    },
    /// A campaign's settings.
    Settings {
        /// The campaign.
        id: String,
    },
    /// Decisions about a campaign.
    Decisions {
        /// The campaign.
        id: String,
        /// The form of its rows.
        form: Form,
    },
}

/// What the object of a key (not URL-encoded) is; `None`: none of ours.
pub fn uploaded(key: &str) -> Option<Uploaded> {
    let checked = |id: &str| is_campaign_id(id).then(|| id.to_owned());
    if let Some(name) = key.strip_prefix(CAMPAIGNS) {
        if let Some(id) = name.strip_suffix(".campaign.json") {
            return Some(Uploaded::Settings { id: checked(id)? });
        }
        let (plain, gzip) = name.strip_suffix(".gz").map_or((name, false), |plain| (plain, true));
        let (id, form) = form(plain)?;
        return Some(Uploaded::Campaign { id: checked(id)?, form, gzip });
    }
    let (id, name) = key.strip_prefix(DECISIONS)?.split_once('/')?;
    let (name, form) = form(name)?;
    (!name.is_empty()).then_some(Uploaded::Decisions { id: checked(id)?, form })
}

fn form(name: &str) -> Option<(&str, Form)> {
    let csv = name.strip_suffix(".csv").map(|id| (id, Form::Csv));
    csv.or_else(|| name.strip_suffix(".jsonl").map(|id| (id, Form::JsonLines)))
}

/// The key of a campaign's sidecar.
pub fn settings(id: &str) -> String {
    format!("{CAMPAIGNS}{id}.campaign.json")
}

/// Keys of an upload in the work bucket.
#[derive(Clone, Copy, Debug)]
pub struct Work<'a> {
    /// The campaign.
    pub campaign: &'a str,
    /// The upload.
    pub upload: &'a str,
}

impl Work<'_> {
    fn key(&self, name: &str) -> String {
        format!("{WORK}{}/{}/{name}", self.campaign, self.upload)
    }

    /// Each distinct content, a JSON line ([`Content`](super::message::Content)).
    pub fn contents(&self) -> String {
        self.key("contents.jsonl")
    }

    /// Scores that were known before, a JSON line each ([`Scored`](super::verdict::Scored)).
    pub fn known_scores(&self) -> String {
        self.key("scores-known.jsonl")
    }

    /// Scores that the classifier gave for this upload, likewise.
    pub fn new_scores(&self) -> String {
        self.key("scores-new.jsonl")
    }

    /// The input of the classification job, a text a line. Comprehend takes its `S3Uri` for a prefix, so nothing else
    /// begins like it.
    pub fn documents(&self) -> String {
        self.key("documents/input.txt")
    }

    /// The content of each line of the documents: its id a line.
    pub fn document_ids(&self) -> String {
        self.key("document-ids.txt")
    }

    /// The prefix of the classification job's output.
    pub fn output(&self) -> String {
        self.key("output/")
    }

    /// Decisions of people that are to take effect together ([`Decision`](super::command::Decision) a line).
    pub fn release(&self, name: &str) -> String {
        self.key(&format!("releases/{name}.jsonl"))
    }

    /// Messages of one shard ([`Outgoing`](super::outgoing::Outgoing) a line). `generation` is `first`, or the name of a
    /// release, or of a test.
    pub fn shard(&self, generation: &str, number: u32) -> String {
        self.key(&format!("shards/{generation}/{number:06}.jsonl"))
    }

    /// How the keys of all shards begin.
    pub fn shards(&self) -> String {
        self.key("shards/")
    }
}

/// Campaign and upload of a key in the work bucket.
pub fn of_work(key: &str) -> Option<(&str, &str)> {
    let (campaign, rest) = key.strip_prefix(WORK)?.split_once('/')?;
    let (upload, _) = rest.split_once('/')?;
    Some((campaign, upload))
}

/// Keys of a campaign in the report bucket.
pub mod report {
    /// The verdict on each message, a JSON line each.
    pub fn verdicts(campaign: &str) -> String {
        format!("{campaign}/verdicts.jsonl")
    }

    /// Contents that a person has to decide on, a JSON line each.
    pub fn review(campaign: &str) -> String {
        format!("{campaign}/review.jsonl")
    }

    /// Rows that do not parse, a JSON line each.
    pub fn unparsed(campaign: &str) -> String {
        format!("{campaign}/unparsed.jsonl")
    }

    /// What became of each approved message, a JSON line each.
    pub fn deliveries(campaign: &str) -> String {
        format!("{campaign}/deliveries.jsonl")
    }

    /// The figures.
    pub fn figures(campaign: &str) -> String {
        format!("{campaign}/report.json")
    }

    /// The page for the marketer.
    pub fn page(campaign: &str) -> String {
        format!("{campaign}/report.html")
    }

    /// Decisions of people as rows to train with.
    pub fn training(campaign: &str) -> String {
        format!("{campaign}/training.csv")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_says_what_was_uploaded() {
        let campaign = |id: &str, form, gzip| Some(Uploaded::Campaign { id: id.into(), form, gzip });
        for (key, expected) in [
            ("campaigns/spring.csv", campaign("spring", Form::Csv, false)),
            ("campaigns/spring.jsonl.gz", campaign("spring", Form::JsonLines, true)),
            ("campaigns/spring.campaign.json", Some(Uploaded::Settings { id: "spring".into() })),
            ("decisions/spring/ann.csv", Some(Uploaded::Decisions { id: "spring".into(), form: Form::Csv })),
            ("decisions/spring/.jsonl", None),
            ("decisions/spring.csv", None),
            ("campaigns/sp ring.csv", None),
            ("campaigns/a/b.csv", None),
            ("campaigns/.csv", None),
            ("campaigns/spring.txt", None),
            ("spring.csv", None),
        ] {
            assert_eq!(uploaded(key), expected, "{key}");
        }
    }

    #[test]
    fn a_key_of_work_says_whose_it_is() {
        let work = Work { campaign: "spring", upload: "4f1c" };
        assert_eq!(work.shard("first", 7), "work/spring/4f1c/shards/first/000007.jsonl");
        for key in [work.contents(), work.documents(), work.output() + "1-CLN-2/output/output.tar.gz"] {
            assert_eq!(of_work(&key), Some(("spring", "4f1c")), "{key}");
        }
        assert_eq!(of_work("campaigns/spring.csv"), None);
    }
}
