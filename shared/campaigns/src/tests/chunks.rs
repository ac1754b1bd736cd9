use bytes::Bytes;
use eventide_types::campaign::keys::Form;
use proptest::prelude::*;

use super::read_chunks;
use eventide_types::campaign::Settings;

use crate::Messages;

/// Bytes cut at these places.
fn cut(bytes: &[u8], cuts: &[usize]) -> Vec<Bytes> {
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % (bytes.len() + 1)).collect();
    cuts.sort_unstable();
    let mut from = 0;
    let mut chunks = vec![];
    for to in cuts.into_iter().chain([bytes.len()]) {
        chunks.push(Bytes::copy_from_slice(&bytes[from..to]));
        from = to;
    }
    chunks
}

fn messages(form: Form) -> Messages {
    Messages::new(form, false, Settings::default())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// However a file comes, the same is read, good and broken rows alike.
    #[test]
    fn the_same_is_read_of_any_chunks(
        lines in prop::collection::vec(
            prop_oneof![
                Just("1,sms,+4915112345678,Hello".to_owned()),
                Just("2,sms,+4915112345678,\"a \"\"b\"\"\nc\"".to_owned()),
                Just(String::new()),
                "[a,\"\r\n😀]{0,12}",
            ],
            0..12,
        ),
        end in prop_oneof![Just("\n"), Just("\r\n"), Just("\r")],
        bom in any::<bool>(),
        last in any::<bool>(),
        cuts in prop::collection::vec(any::<usize>(), 0..12),
    ) {
        let head = if bom { "\u{FEFF}id,channel,to,text" } else { "id,channel,to,text" };
        let mut file = [head.to_owned()].into_iter().chain(lines).collect::<Vec<_>>().join(end);
        if last {
            file.push_str(end);
        }
        let whole = read_chunks(messages(Form::Csv), [Bytes::from(file.clone())]);
        prop_assert_eq!(&read_chunks(messages(Form::Csv), cut(file.as_bytes(), &cuts)), &whole);
        let single = file.as_bytes().chunks(1).map(Bytes::copy_from_slice);
        prop_assert_eq!(&read_chunks(messages(Form::Csv), single), &whole);
    }

    #[test]
    fn json_lines_too(
        lines in prop::collection::vec(
            prop_oneof![
                Just(r#"{"id":"1","channel":"sms","to":"+4915112345678","text":"Zoë \"x\""}"#.to_owned()),
                Just("{".to_owned()),
                Just("  ".to_owned()),
                Just(r#"{"campaign":{"channel":"sms"}}"#.to_owned()),
            ],
            0..12,
        ),
        end in prop_oneof![Just("\n"), Just("\r\n")],
        cuts in prop::collection::vec(any::<usize>(), 0..12),
    ) {
        let file = lines.join(end);
        let whole = read_chunks(messages(Form::JsonLines), [Bytes::from(file.clone())]);
        prop_assert_eq!(&read_chunks(messages(Form::JsonLines), cut(file.as_bytes(), &cuts)), &whole);
    }

    /// Whatever the bytes: it ends, and every line is accounted for.
    #[test]
    fn no_bytes_do_harm(bytes in prop::collection::vec(any::<u8>(), 0..300), gzip in any::<bool>(),
    csv in any::<bool>()) {
        let form = if csv { Form::Csv } else { Form::JsonLines };
        let with_head = [b"id,to\n".as_slice(), &bytes].concat();
        read_chunks(Messages::new(form, gzip, Settings::default()),
        [Bytes::from(if csv { with_head } else { bytes })]);
    }
}

/// A row of nearly the longest length, byte by byte and around the limit.
#[test]
fn the_limit_does_not_depend_on_chunks() {
    let row = |text: usize| {
        let begin = "1,sms,+4915112345678,";
        format!("id,channel,to,text\n{begin}{}\n2,sms,+4915112345678,x\n", "a".repeat(text - begin.len() - 1))
    };
    for (length, reason) in [
        (1 << 20, "`text`: expected at most 1600 characters in an SMS, variables included"),
        ((1 << 20) + 1, "expected at most 1 MiB in a row"),
    ] {
        let file = row(length);
        for size in [file.len(), 65_536, 1_000] {
            let chunks = file.as_bytes().chunks(size).map(Bytes::copy_from_slice);
            let read = read_chunks(messages(Form::Csv), chunks);
            assert_eq!(read.reasons(), [(2, reason)], "{length} {size}");
            assert_eq!(read.messages().len(), 1);
        }
    }
}
