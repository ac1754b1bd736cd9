//! From a file to a mart: parse, check, and lay out its query.

use eventide_types::mart::Mart;
use eventide_types::mart::catalogue::{Segment, identifier};
use eventide_types::mart::definition::{Definition, Kind};
use sha2::{Digest, Sha256};

use crate::body::{Body, End, check as check_body};
use crate::check::{check as check_header, is_view};
use crate::fault::Fault;
use crate::file::split;
use crate::header::Header;
use crate::run::Run;

/// A compiled file.
#[derive(Clone, Debug, PartialEq)]
pub struct Compiled {
    /// The mart as it will be in force.
    pub mart: Mart,
    /// The body; a datashare has none.
    pub body: Option<Body>,
}

/// Compiles a version of a file.
///
/// # Errors
///
/// Why it is refused: every fault that can be told at once.
pub fn compile(bytes: &[u8], run: &Run) -> Result<Compiled, Vec<Fault>> {
    let file = split(bytes).map_err(|fault| vec![fault])?;
    let header = Header::parse(file.header)?;
    let mut faults = check_header(&header, &run.key);
    let definition = header.definition;
    let body = if definition.kind == Kind::Datashare {
        if !file.body.trim().is_empty() {
            faults.push(Fault::at(
                file.body_line,
                "a datashare has no body, expected nothing after its header",
            ));
        }
        None
    } else {
        check_body(&file, &definition).map_err(|mut found| faults.append(&mut found)).ok()
    };
    if !faults.is_empty() {
        return Err(faults);
    }
    let query = match &body {
        Some(body) => query(&definition, body),
        None => Vec::new(),
    };
    let relation = is_view(definition.kind).then(|| run.relation(&definition.name));
    let mart = Mart {
        key: run.key.clone(),
        version_id: run.version_id.clone(),
        sequencer: run.sequencer.clone(),
        digest: hex::encode(Sha256::digest(bytes)),
        relation,
        query,
        definition,
    };
    Ok(Compiled { mart, body })
}

/// The query of a request. One row more than allowed tells too many from just enough.
fn query(definition: &Definition, body: &Body) -> Vec<Segment> {
    let limit = format!(" LIMIT {}", definition.delivery.row_cap.saturating_add(1));
    if let Some(schema) = definition.schema.as_deref().filter(|_| is_view(definition.kind)) {
        let select =
            format!("SELECT * FROM {}.{} WHERE TRUE", identifier(schema), identifier(&definition.name));
        let conditions = definition.parameters.iter().filter_map(|(name, parameter)| {
            let column = identifier(parameter.column.as_deref()?);
            Some(Segment::Condition { column, parameter: name.clone() })
        });
        return [Segment::Sql(select)].into_iter().chain(conditions).chain([Segment::Sql(limit)]).collect();
    }
    let pieces = body.pieces.iter().cloned();
    match body.end {
        End::Unordered => within("SELECT * FROM (", pieces, &format!("\n) AS \"q\"{limit}")),
        End::Ordered => within("", pieces, &format!("\n{}", limit.trim_start())),
        End::Limited(_) => within("", pieces, ""),
    }
}

fn within(before: &str, pieces: impl Iterator<Item = Segment>, after: &str) -> Vec<Segment> {
    let mut joined: Vec<Segment> = Vec::new();
    let all =
        [Segment::Sql(before.to_owned())].into_iter().chain(pieces).chain([Segment::Sql(after.to_owned())]);
    for piece in all {
        match (joined.last_mut(), piece) {
            (Some(Segment::Sql(last)), Segment::Sql(next)) => last.push_str(&next),
            (_, piece) => joined.push(piece),
        }
    }
    joined
}
