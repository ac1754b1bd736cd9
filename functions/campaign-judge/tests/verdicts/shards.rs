//! How messages are put together.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use eventide_types::campaign::Channel;
use serde_json::json;

use crate::support::{HEADER, World, asked};

const SHARD: u32 = 500;
const SHARD_BYTES: usize = 2 * 1024 * 1024;

#[tokio::test]
async fn shards_are_of_one_channel_and_of_recipients_at_the_same_hours() {
    let file = HEADER.to_owned()
        + "1,email,a@example.com,,News,An approved table\n\
           2,email,b@example.com,Europe/Berlin,News,An approved table\n\
           3,sms,+4915112345678,,,An approved text\n\
           4,sms,+447911123456,,,An approved text\n\
           5,sms,+4915112345679,,,An approved text\n\
           6,sms,+447911123457,Europe/Berlin,,An approved text\n\
           7,email,c@example.com,,News,An approved table\n";
    let world = World::new(&file, json!({})).await;
    world.take(&asked()).await;
    let shards: BTreeMap<_, _> = world
        .fakes
        .store
        .all_shards()
        .into_iter()
        .map(|shard| ((shard.channel, shard.zone), shard.messages))
        .collect();
    let of = |channel, zone: Option<&str>| (channel, zone.map(str::to_owned));
    let expected = BTreeMap::from([
        (of(Channel::Email, None), 2),
        (of(Channel::Email, Some("Europe/Berlin")), 1),
        (of(Channel::Sms, Some("+49")), 2),
        (of(Channel::Sms, Some("+44")), 1),
        (of(Channel::Sms, Some("Europe/Berlin")), 1),
    ]);
    assert_eq!(shards, expected);
    assert_eq!(world.sent("first").len(), 7);
    // Four are put on their way at once; the others follow them.
    assert_eq!(world.to_send().len(), 4);
}

#[tokio::test]
async fn a_shard_has_five_hundred_messages_at_most() {
    let mut file = HEADER.to_owned();
    for row in 0..1_201 {
        writeln!(file, "{row},email,a{row}@example.com,,News,An approved table").unwrap();
    }
    let world = World::new(&file, json!({})).await;
    world.fakes.campaigns.in_chunks_of(4_096);
    world.take(&asked()).await;
    let sizes: Vec<u32> = world.fakes.store.all_shards().iter().map(|shard| shard.messages).collect();
    assert_eq!(sizes, [SHARD, SHARD, 201]);
    assert_eq!(world.sent("first").len(), 1_201);
    let progress =
        eventide_clients::campaigns::Shards::progress(&world.fakes.store, "spring", crate::support::UPLOAD);
    assert_eq!(progress.await.unwrap().total, 3);
}

#[tokio::test]
async fn a_shard_has_two_megabytes_and_a_message_at_most() {
    let mut file = "id,channel,to,subject,html\n".to_owned();
    let html = format!("<p>An approved table</p><!-- {} -->", "x".repeat(60_000));
    for row in 0..150 {
        writeln!(file, "{row},email,a{row}@example.com,News,{html}").unwrap();
    }
    let world = World::new(&file, json!({})).await;
    world.fakes.campaigns.in_chunks_of(65_536);
    world.take(&asked()).await;
    let shards = world.fakes.store.all_shards();
    assert!(shards.len() > 3, "{}", shards.len());
    let sizes: Vec<usize> =
        shards.iter().map(|shard| world.fakes.work.body(&shard.key).unwrap().len()).collect();
    assert!(sizes.iter().all(|size| *size < SHARD_BYTES + 70_000), "{sizes:?}");
    assert!(sizes[..sizes.len() - 1].iter().all(|size| *size >= SHARD_BYTES), "{sizes:?}");
    assert_eq!(world.sent("first").len(), 150);
}

#[tokio::test]
async fn many_groups_together_are_not_kept_in_memory() {
    // More than there is room for at a time, in groups none of which is full.
    let html = format!("<p>An approved table</p><!-- {} -->", "x".repeat(60_000));
    let zones = [
        "Europe/Berlin",
        "Europe/London",
        "Europe/Paris",
        "Asia/Tokyo",
        "America/New_York",
        "Africa/Cairo",
        "Asia/Kolkata",
        "America/Lima",
        "Europe/Rome",
        "Asia/Seoul",
    ];
    let mut file = "id,channel,to,time_zone,subject,html\n".to_owned();
    for row in 0..300 {
        writeln!(file, "{row},email,a{row}@example.com,{},News,{html}", zones[row % zones.len()]).unwrap();
    }
    let world = World::new(&file, json!({})).await;
    world.fakes.campaigns.in_chunks_of(65_536);
    world.take(&asked()).await;
    let shards = world.fakes.store.all_shards();
    assert!(shards.len() > zones.len(), "{}", shards.len());
    assert_eq!(world.sent("first").len(), 300);
}
