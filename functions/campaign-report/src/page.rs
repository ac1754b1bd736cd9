//! The page for the marketer: one file, nothing loaded from elsewhere, no script.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use eventide_types::campaign::command::Action;
use time::OffsetDateTime;
use time::macros::format_description;

use crate::figures::{Delivery, FLAGGED, Figures, Flagged, UNPARSED};

const STYLE: &str = include_str!("page.css");
const VERDICTS: [&str; 3] = ["approved", "held", "rejected"];

/// A report as HTML.
pub fn page(figures: &Figures) -> String {
    let mut out = String::with_capacity(16 * 1024);
    let title = format!("Campaign {}", figures.campaign);
    let _ = write!(
        out,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n<title>{}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n",
        escape(&title)
    );
    head(&mut out, figures, &title);
    tiles(&mut out, figures);
    verdicts(&mut out, figures);
    categories(&mut out, figures);
    delivery(&mut out, figures);
    flagged(&mut out, figures);
    unparsed(&mut out, figures);
    let _ = write!(
        out,
        "<footer>Screened by <code>{}</code>. Written {}.</footer>\n</main>\n</body>\n</html>\n",
        escape(&figures.classifier),
        moment(figures.written_at)
    );
    out
}

fn head(out: &mut String, figures: &Figures, title: &str) {
    let state = if figures.paused && figures.state == "sending" { "paused" } else { figures.state };
    let _ = write!(
        out,
        "<header>\n<h1>{}</h1>\n<p><span class=\"state {state}\">{state}</span> uploaded {}",
        escape(title),
        moment(figures.uploaded_at)
    );
    for (what, at) in [("screened", figures.screened_at), ("sent", figures.sent_at)] {
        if let Some(at) = at {
            let _ = write!(out, " · {what} {}", moment(at));
        }
    }
    out.push_str("</p>\n");
    if let Some(reason) = &figures.reason {
        let _ = writeln!(out, "<p class=\"reason\">{}</p>", escape(reason));
    }
    if let Some(decided) = &figures.decided {
        let why = decided.reason.as_deref().map(|reason| format!(": {}", escape(reason))).unwrap_or_default();
        let (action, by) = (past(&decided.action), escape(&decided.by));
        let _ = writeln!(out, "<p>{action} by {by} on {}{why}</p>", moment(decided.at));
    }
    out.push_str("</header>\n");
}

fn past(action: &str) -> &'static str {
    if action == Action::Pause.as_str() {
        "Paused"
    } else if action == Action::Resume.as_str() {
        "Resumed"
    } else {
        "Cancelled"
    }
}

fn tiles(out: &mut String, figures: &Figures) {
    let counts = &figures.counts;
    let total = figures.total();
    out.push_str("<section class=\"tiles\" aria-label=\"Figures\">\n");
    for (label, number, kind) in [
        ("Rows", counts.rows, ""),
        ("Approved", counts.approved, "approved"),
        ("Held for review", counts.held, "held"),
        ("Rejected", counts.rejected, "rejected"),
        ("Not readable", counts.unparsed, ""),
        ("Accepted for delivery", total.accepted, ""),
    ] {
        let _ = writeln!(
            out,
            "<div class=\"tile {kind}\"><strong>{}</strong><span>{label}</span></div>",
            thousands(number)
        );
    }
    out.push_str("</section>\n");
}

fn verdicts(out: &mut String, figures: &Figures) {
    if figures.channels.is_empty() {
        return;
    }
    out.push_str("<section>\n<h2>Verdicts by channel</h2>\n");
    legend(out, &VERDICTS);
    for (channel, counts) in &figures.channels {
        let of = |verdict: &str| counts.get(verdict).copied().unwrap_or_default();
        let parts = VERDICTS.map(|verdict| (verdict, of(verdict)));
        stacked(out, name(channel), &parts, parts.iter().map(|(_, number)| number).sum());
    }
    out.push_str("</section>\n");
}

fn categories(out: &mut String, figures: &Figures) {
    if figures.categories.is_empty() {
        return;
    }
    out.push_str("<section>\n<h2>Held and rejected messages by category</h2>\n");
    let mut channels: Vec<&str> = figures.categories.values().flat_map(BTreeMap::keys).copied().collect();
    channels.sort_unstable();
    channels.dedup();
    legend(out, &channels);
    let total = |counts: &BTreeMap<&'static str, u64>| counts.values().sum::<u64>();
    let mut rows: Vec<_> = figures.categories.iter().collect();
    rows.sort_by(|a, b| total(b.1).cmp(&total(a.1)).then(a.0.cmp(b.0)));
    let widest = rows.iter().map(|(_, counts)| total(counts)).max().unwrap_or_default();
    for (category, counts) in rows {
        let parts: Vec<_> = channels
            .iter()
            .map(|channel| (*channel, counts.get(channel).copied().unwrap_or_default()))
            .collect();
        stacked(out, &category.replace('_', " "), &parts, widest);
    }
    out.push_str("</section>\n");
}

fn legend(out: &mut String, kinds: &[&str]) {
    out.push_str("<p class=\"legend\" aria-hidden=\"true\">");
    for kind in kinds {
        let _ = write!(out, "<span><i class=\"{kind}\"></i>{}</span>", name(kind));
    }
    out.push_str("</p>\n");
}

/// A bar of parts, as long as its sum is of `whole`, with its numbers in words.
fn stacked(out: &mut String, label: &str, parts: &[(&str, u64)], whole: u64) {
    let said: Vec<_> = parts.iter().filter(|(_, number)| *number > 0).collect();
    let words: Vec<_> =
        said.iter().map(|(kind, number)| format!("{} {}", thousands(*number), name(kind))).collect();
    let _ = write!(
        out,
        "<div class=\"row\"><span class=\"label\">{}</span><span class=\"bar\" aria-hidden=\"true\">",
        escape(label)
    );
    for (kind, number) in said {
        #[expect(clippy::cast_precision_loss, reason = "a bar is no more precise")]
        let share = *number as f64 * 100.0 / whole.max(1) as f64;
        let _ = write!(out, "<i class=\"{kind}\" style=\"width:{share:.2}%\"></i>");
    }
    let _ = writeln!(out, "</span><span class=\"words\">{}</span></div>", words.join(", "));
}

/// What of the deliveries a column tells.
type Count = fn(&Delivery) -> u64;

fn delivery(out: &mut String, figures: &Figures) {
    if figures.delivery.is_empty() {
        return;
    }
    out.push_str(
        "<section>\n<h2>Delivery</h2>\n<table class=\"wide\">\n<thead><tr><th scope=\"col\">Channel</th>",
    );
    let columns: [(&str, Count); 11] = [
        ("Accepted", |of| of.accepted),
        ("Delivered", |of| of.delivered),
        ("Bounced", |of| of.bounced),
        ("Complaints", |of| of.complained),
        ("Unsubscribed", |of| of.unsubscribed),
        ("Not delivered", |of| of.failed),
        ("Refused", |of| of.refused),
        ("Uncertain", |of| of.uncertain),
        ("Pending", |of| of.pending),
        ("Not sent", |of| of.not_sent),
        ("Duplicate ids", |of| of.duplicates),
    ];
    for (column, _) in columns {
        let _ = write!(out, "<th scope=\"col\" class=\"number\">{column}</th>");
    }
    out.push_str("</tr></thead>\n<tbody>\n");
    for (channel, counts) in &figures.delivery {
        let _ = write!(out, "<tr><th scope=\"row\">{}</th>", name(channel));
        for (_, number) in columns {
            let _ = write!(out, "<td class=\"number\">{}</td>", thousands(number(counts)));
        }
        out.push_str("</tr>\n");
    }
    out.push_str("</tbody>\n</table>\n");
    if !figures.refusals.is_empty() {
        out.push_str("<h3>Why messages were refused</h3>\n<ul>\n");
        for (reason, number) in &figures.refusals {
            let _ = writeln!(out, "<li>{}: {}</li>", escape(reason), thousands(*number));
        }
        out.push_str("</ul>\n");
    }
    if figures.total().uncertain > 0 {
        out.push_str(
            "<p>Of uncertain messages nobody knows whether they were sent. They are not sent again; the provider's own \
             word, or the command <code>settle</code>, settles them.</p>\n",
        );
    }
    out.push_str("</section>\n");
}

fn flagged(out: &mut String, figures: &Figures) {
    if figures.flagged.is_empty() {
        return;
    }
    out.push_str(
        "<section>\n<h2>Flagged messages</h2>\n<table>\n<thead><tr><th scope=\"col\">Verdict</th><th scope=\"col\">\
         Category</th><th scope=\"col\" class=\"number\">Score</th><th scope=\"col\" class=\"number\">Messages</th>\
         <th scope=\"col\">What the reader would read</th></tr></thead>\n<tbody>\n",
    );
    for row in &figures.flagged {
        let Flagged { content, channel, verdict, reason, category, score, messages, text } = row;
        let score = score.map(|score| format!("{score:.2}")).unwrap_or_default();
        let category = category.as_deref().unwrap_or_default().replace('_', " ");
        let _ = writeln!(
            out,
            "<tr><td><span class=\"state {verdict}\">{verdict}</span><small>{}</small></td><td>{}</td>\
             <td class=\"number\">{score}</td><td class=\"number\">{}<small>{}</small></td>\
             <td class=\"text\">{}<small><code>{content}</code></small></td></tr>",
            escape(&reason.replace('_', " ")),
            escape(&category),
            thousands(*messages),
            escape(channel),
            escape(text),
        );
    }
    out.push_str("</tbody>\n</table>\n");
    if figures.flagged.len() == FLAGGED {
        out.push_str(
            "<p>More of them are in <code>verdicts.jsonl</code> and <code>review.jsonl</code>.</p>\n",
        );
    }
    out.push_str("</section>\n");
}

fn unparsed(out: &mut String, figures: &Figures) {
    if figures.unparsed.is_empty() {
        return;
    }
    out.push_str(
        "<section>\n<h2>Rows that could not be read</h2>\n<table>\n<thead><tr><th scope=\"col\" class=\"number\">Line</th>\
         <th scope=\"col\">Reason</th></tr></thead>\n<tbody>\n",
    );
    for row in &figures.unparsed {
        let _ =
            writeln!(out, "<tr><td class=\"number\">{}</td><td>{}</td></tr>", row.line, escape(&row.reason));
    }
    out.push_str("</tbody>\n</table>\n");
    if figures.unparsed.len() == UNPARSED {
        out.push_str("<p>All of them are in <code>unparsed.jsonl</code>.</p>\n");
    }
    out.push_str("</section>\n");
}

fn name(kind: &str) -> &str {
    match kind {
        "email" => "Email",
        "sms" => "SMS",
        other => other,
    }
}

fn moment(at: OffsetDateTime) -> String {
    let at = at.to_offset(time::UtcOffset::UTC);
    at.format(format_description!("[year]-[month]-[day] [hour]:[minute] UTC")).unwrap_or_default()
}

/// `1,234,567`
fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() * 4 / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_from_outside_is_text_and_nothing_else() {
        let hostile = "<script>alert(\"x\")</script>'&";
        assert_eq!(escape(hostile), "&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;&#39;&amp;");
    }

    #[test]
    fn numbers_are_grouped() {
        for (number, expected) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(thousands(number), expected);
        }
    }
}
