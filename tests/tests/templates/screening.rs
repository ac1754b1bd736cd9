//! Compliance screening.

use super::*;

use eventide_types::campaign::outgoing::tags;
use eventide_types::campaign::{command, event, keys};

const TEMPLATE: &str = "compliance-screening.yaml";
/// What the local cloud deploys it with.
const PARAMETERS: &str = "infra/local/parameters/compliance-screening.json";
const CAMPAIGNS: &str = "eventide-compliance-screening-campaignbucket-1abcdefghijkl";
const WORK: &str = "eventide-compliance-screening-workbucket-1abcdefghijkl";
/// Functions, each with a queue and a role of its own.
const FUNCTIONS: [&str; 7] = ["Screen", "Classify", "Judge", "Send", "Track", "Review", "Report"];

fn local_parameters() -> Result<BTreeMap<String, String>, String> {
    let text = std::fs::read_to_string(repository().join(PARAMETERS)).map_err(|error| error.to_string())?;
    serde_json::from_str(&text).map_err(|error| format!("`{PARAMETERS}`: {error}"))
}

/// The template with the local cloud's parameters as defaults, because some of them have none.
fn screening() -> Result<Value, String> {
    let mut template = template(TEMPLATE)?;
    for (name, value) in local_parameters()? {
        template["Parameters"][name]["Default"] = value.into();
    }
    Ok(template)
}

/// The statements of a role, with what the parameters say; of resources, whatever they are called.
pub(super) fn statements(template: &Value, role: &str, given: &[(&str, &str)]) -> Result<Vec<Value>, String> {
    let mut resolver = resolver(template, given)?;
    for (name, resource) in template["Resources"].as_object().into_iter().flatten() {
        if resource["Type"] != "AWS::SecurityHub::ActionTarget" {
            let attributes = ["Arn", "Id"].map(|attribute| (attribute.to_owned(), format!("arn:{name}")));
            resolver.know(name, name, attributes.into());
        }
    }
    let policies = &template["Resources"][role]["Properties"]["Policies"];
    let policies = resolver.resolve(policies).map_err(|error| format!("{role}: {error}"))?;
    let policies = policies.as_array().ok_or_else(|| format!("`{role}` has no policies"))?;
    let statements = policies.iter().flat_map(|policy| policy["PolicyDocument"]["Statement"].as_array());
    Ok(statements.flatten().cloned().collect())
}

/// One or many, as a policy may have it.
pub(super) fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::Array(items) => items.iter().filter_map(Value::as_str).collect(),
        one => one.as_str().into_iter().collect(),
    }
}

/// The statement of a role that allows an action, if one does.
pub(super) fn allowing(statements: &[Value], action: &str) -> Option<Value> {
    statements.iter().find(|statement| texts(&statement["Action"]).contains(&action)).cloned()
}

#[test]
fn only_what_cannot_be_guessed_has_to_be_given_and_the_local_cloud_gives_it() -> Tested {
    let (template, local) = (template(TEMPLATE)?, local_parameters()?);
    let declared = template["Parameters"].as_object().ok_or("no parameters")?;
    let required = declared.iter().filter(|(_, declaration)| declaration["Default"].is_null());
    let required: BTreeSet<_> = required.map(|(name, _)| name.as_str()).collect();
    // What has a meaning of its own for every model and account is not guessed.
    assert_eq!(required, ["ClassifierArn", "CompliantLabels", "RestrictedLabels", "SenderEmail"].into());
    for name in &required {
        assert!(local.contains_key(*name), "{name}");
        assert!(declared[*name]["AllowedPattern"].is_string(), "{name}: an empty one would pass");
    }
    for name in local.keys() {
        assert!(declared.contains_key(name), "{name}");
    }
    let groups = &template["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"];
    let groups = groups.as_array().into_iter().flatten().flat_map(|group| texts(&group["Parameters"]));
    let grouped: Vec<_> = groups.collect();
    let distinct: BTreeSet<_> = grouped.iter().copied().collect();
    assert_eq!(distinct, declared.keys().map(String::as_str).collect(), "each is in a group");
    assert_eq!(grouped.len(), distinct.len(), "and in one only");
    Ok(())
}

#[test]
fn the_local_cloud_knows_every_label_of_the_starter() -> Tested {
    let local = local_parameters()?;
    let named = ["CompliantLabels", "RestrictedLabels"].map(|name| local[name].split(','));
    let named: Vec<_> = named.into_iter().flatten().collect();
    let starter = repository().join("infra/train/starter/train.csv");
    let starter = std::fs::read_to_string(&starter).map_err(|error| error.to_string())?;
    let labels: BTreeSet<_> = starter.lines().filter_map(|line| Some(line.split_once(',')?.0)).collect();
    assert_eq!(named.iter().copied().collect::<BTreeSet<_>>(), labels);
    assert_eq!(named.len(), labels.len(), "a label means one thing");
    Ok(())
}

#[test]
fn functions_read_what_the_template_sets_within_the_same_limits() -> Tested {
    let template = screening()?;
    agrees::<campaign_screen::Config>(&template, "ScreenFunction", "campaign-screen")?;
    agrees::<campaign_classify::Config>(&template, "ClassifyFunction", "campaign-classify")?;
    agrees::<campaign_judge::Config>(&template, "JudgeFunction", "campaign-judge")?;
    agrees::<campaign_send::Config>(&template, "SendFunction", "campaign-send")?;
    agrees::<campaign_track::Config>(&template, "TrackFunction", "campaign-track")?;
    agrees::<campaign_review::Config>(&template, "ReviewFunction", "campaign-review")?;
    agrees::<campaign_report::Config>(&template, "ReportFunction", "campaign-report")
}

#[test]
fn queues_fit_their_workers_and_everything_is_encrypted() -> Tested {
    let template = screening()?;
    let resources = &template["Resources"];
    for name in FUNCTIONS {
        let (queue, function) = (format!("{name}Queue"), format!("{name}Function"));
        fits(&template, &queue, &function)?;
        let redrive = &resources[&queue]["Properties"]["RedrivePolicy"];
        assert_eq!(
            redrive["deadLetterTargetArn"],
            json!({ "Fn::GetAtt": ["FailedQueue", "Arn"] }),
            "{queue}"
        );
        let properties = &resources[&function]["Properties"];
        assert_eq!(properties["Role"], json!({ "Fn::GetAtt": [format!("{name}Role"), "Arn"] }), "{function}");
        let sources =
            properties["Events"].as_object().ok_or_else(|| format!("`{function}` has no events"))?;
        for source in sources.values() {
            let source = &source["Properties"];
            assert_eq!(source["Queue"], json!({ "Fn::GetAtt": [queue, "Arn"] }));
            assert_eq!(texts(&source["FunctionResponseTypes"]), ["ReportBatchItemFailures"], "{function}");
        }
    }
    let of_type = |kind: &'static str| {
        let resources = resources.as_object().into_iter().flatten();
        resources.filter(move |(_, resource)| resource["Type"] == kind).map(|(name, _)| name.as_str())
    };
    assert_eq!(of_type("AWS::SQS::Queue").count(), FUNCTIONS.len() + 1);
    assert_eq!(resources["FailedQueue"]["Properties"]["MessageRetentionPeriod"], 14 * 24 * 3600);
    everything_is_encrypted(&template)?;
    rules_reach_their_targets(&template)
}

#[test]
fn buckets_forget_and_refuse_what_is_not_encrypted_on_its_way() -> Tested {
    let template = screening()?;
    let mut resolver = resolver(&template, &[])?;
    for bucket in ["CampaignBucket", "WorkBucket", "ReportBucket"] {
        resolver.know(bucket, bucket, BTreeMap::from([("Arn".to_owned(), bucket.to_owned())]));
        let properties = &template["Resources"][bucket]["Properties"];
        let rules = properties["LifecycleConfiguration"]["Rules"].as_array().ok_or(bucket)?;
        let aborts = rules.iter().map(|rule| &rule["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"]);
        assert_eq!(aborts.filter_map(Value::as_i64).collect::<Vec<_>>(), [7], "{bucket}");
        assert!(rules.iter().all(|rule| rule["Status"] == "Enabled"), "{bucket}");
        let policy = &template["Resources"][format!("{bucket}Policy")]["Properties"];
        let policy = resolver.resolve(policy)?;
        assert_eq!(policy["Bucket"], bucket);
        let statement = &policy["PolicyDocument"]["Statement"][0];
        assert_eq!(
            (&statement["Effect"], &statement["Principal"]),
            (&json!("Deny"), &json!("*")),
            "{bucket}"
        );
        assert_eq!(statement["Condition"], json!({ "Bool": { "aws:SecureTransport": "false" } }), "{bucket}");
        assert_eq!(texts(&statement["Resource"]), [bucket, &format!("{bucket}/*")], "{bucket}");
    }
    let days = |bucket: &str, path: &str| {
        let rules = &template["Resources"][bucket]["Properties"]["LifecycleConfiguration"]["Rules"];
        rules.as_array().into_iter().flatten().find_map(|rule| rule.pointer(path).cloned())
    };
    assert_eq!(days("WorkBucket", "/ExpirationInDays"), Some(json!(30)));
    assert_eq!(days("ReportBucket", "/ExpirationInDays"), Some(json!({ "Ref": "ReportDays" })));
    // A campaign is read in the version that its event names.
    let campaigns = &template["Resources"]["CampaignBucket"]["Properties"];
    assert_eq!(campaigns["VersioningConfiguration"]["Status"], "Enabled");
    assert_eq!(days("CampaignBucket", "/NoncurrentVersionExpiration/NoncurrentDays"), Some(json!(30)));
    Ok(())
}

#[test]
fn who_got_what_outlives_the_stack() -> Tested {
    let template = screening()?;
    for name in ["LedgerTable", "EntrySecret", "ContactList", "CampaignBucket", "ReportBucket"] {
        let resource = &template["Resources"][name];
        let kept = ["Retain", "RetainExceptOnCreate"].map(Value::from);
        assert!(kept.contains(&resource["DeletionPolicy"]), "{name}");
        assert_eq!(resource["UpdateReplacePolicy"], "Retain", "{name}");
    }
    let table = &template["Resources"]["LedgerTable"]["Properties"];
    let expiry = json!({ "AttributeName": "expires_at", "Enabled": true });
    assert_eq!(table["TimeToLiveSpecification"], expiry);
    let index = &table["GlobalSecondaryIndexes"][0];
    assert_eq!(
        (&index["IndexName"], &index["KeySchema"][1]["AttributeName"]),
        (&json!("open"), &json!("due_at"))
    );
    Ok(())
}

#[test]
fn every_right_is_for_something_and_only_one_function_sends() -> Tested {
    let template = screening()?;
    let given =
        [("EndpointArn", "arn:endpoint"), ("ContactListName", "news"), ("SmsConfigurationSetName", "set")];
    let mut everywhere = Vec::new();
    for function in FUNCTIONS {
        let statements = statements(&template, &format!("{function}Role"), &given)?;
        for statement in &statements {
            assert_eq!(statement["Effect"], "Allow");
            let actions = texts(&statement["Action"]);
            assert!(actions.iter().all(|action| !action.contains('*')), "{function}: {actions:?}");
            if texts(&statement["Resource"]).contains(&"*") {
                everywhere.extend(actions.iter().map(|action| (*action).to_owned()));
            }
        }
        let sends = ["ses:SendEmail", "sms-voice:SendTextMessage"]
            .map(|action| allowing(&statements, action).is_some());
        assert_eq!(sends, [function == "Send"; 2], "{function}");
        let passes = allowing(&statements, "iam:PassRole");
        assert_eq!(passes.is_some(), function == "Classify", "{function}");
        if let Some(passes) = passes {
            let to = json!({ "StringEquals": { "iam:PassedToService": "comprehend.amazonaws.com" } });
            assert_eq!((&passes["Resource"], &passes["Condition"]), (&json!("arn:ComprehendRole"), &to));
        }
        if let Some(tells) = allowing(&statements, "events:PutEvents") {
            assert_eq!(tells["Condition"], json!({ "StringEquals": { "events:source": event::SOURCE } }));
        }
    }
    // An account has no ARN.
    assert_eq!(everywhere, ["ses:GetAccount"]);
    let trust =
        &template["Resources"]["ComprehendRole"]["Properties"]["AssumeRolePolicyDocument"]["Statement"][0];
    assert_eq!(trust["Principal"], json!({ "Service": "comprehend.amazonaws.com" }));
    let own_account = json!({ "StringEquals": { "aws:SourceAccount": { "Ref": "AWS::AccountId" } } });
    assert_eq!(trust["Condition"], own_account);
    Ok(())
}

#[test]
fn rights_to_send_follow_the_parameters() -> Tested {
    let template = screening()?;
    let of_send = |given: &[(&str, &str)]| statements(&template, "SendRole", given);
    let resources = |statements: &[Value], action: &str| {
        let statement = allowing(statements, action)?;
        Some(texts(&statement["Resource"]).into_iter().map(str::to_owned).collect::<Vec<_>>())
    };
    let (ses, sms) = ("arn:aws:ses:us-east-1:111122223333", "arn:aws:sms-voice:us-east-1:111122223333");

    let least = of_send(&[("SmsOrigination", "")])?;
    assert_eq!(resources(&least, "sms-voice:SendTextMessage"), None, "without an origination");
    let own_set = [format!("{ses}:identity/*"), format!("{ses}:configuration-set/ConfigurationSet")];
    assert_eq!(resources(&least, "ses:SendEmail").as_deref(), Some(&own_set[..]));

    let pool = format!("{sms}:pool/pool-1");
    let most = of_send(&[
        ("SenderEmail", "offers@example.org"),
        ("SenderName", "Offers"),
        ("ConfigurationSetName", "mine"),
        ("ContactListName", "news"),
        ("SmsOrigination", &pool),
        ("SmsConfigurationSetName", "texts"),
        ("SmsProtectConfigurationId", "protect-1"),
    ])?;
    let email =
        ["identity/*", "configuration-set/mine", "contact-list/news"].map(|name| format!("{ses}:{name}"));
    assert_eq!(resources(&most, "ses:SendEmail").as_deref(), Some(&email[..]));
    let from = allowing(&most, "ses:SendEmail").unwrap_or_default()["Condition"].clone();
    assert_eq!(from, json!({ "StringEquals": { "ses:FromAddress": "offers@example.org" } }));
    let text =
        [pool, format!("{sms}:configuration-set/texts"), format!("{sms}:protect-configuration/protect-1")];
    assert_eq!(resources(&most, "sms-voice:SendTextMessage").as_deref(), Some(&text[..]));
    Ok(())
}

#[test]
fn the_sender_has_a_name_if_one_is_given() -> Tested {
    let template = screening()?;
    let sender =
        &template["Resources"]["SendFunction"]["Properties"]["Environment"]["Variables"]["SENDER_EMAIL"];
    let given = [("SenderEmail", "a@example.com"), ("SenderName", "Ann")];
    assert_eq!(resolver(&template, &given)?.resolve(sender)?, "Ann <a@example.com>");
    assert_eq!(resolver(&template, &given[..1])?.resolve(sender)?, "a@example.com");
    Ok(())
}

#[test]
fn what_an_account_has_already_is_not_created() -> Tested {
    let template = screening()?;
    let resources = &template["Resources"];
    let exists = |resource: &str, given: &[(&str, &str)]| {
        let condition = resources[resource]["Condition"].as_str().ok_or_else(|| format!("`{resource}`"))?;
        resolver(&template, given)?.condition(condition)
    };
    for resource in ["ConfigurationSet", "EmailEvents"] {
        assert!(exists(resource, &[])?, "{resource}");
        assert!(!exists(resource, &[("ConfigurationSetName", "mine")])?, "{resource}");
    }
    assert!(!exists("ContactList", &[("ContactListName", "news")])?);
    assert!(exists("ContactList", &[("ContactListName", "news"), ("CreateContactList", "true")])?);

    let destination = &resources["EmailEvents"]["Properties"]["EventDestination"];
    assert_eq!(destination["Enabled"], true);
    let told = texts(&destination["MatchingEventTypes"]);
    for kind in ["send", "reject", "bounce", "complaint", "delivery", "subscription"] {
        assert!(told.contains(&kind), "{kind}");
    }
    // SES writes to no other bus.
    let bus = resolver(&template, &[("EventBusName", "other")])?
        .resolve(&destination["EventBridgeDestination"]["EventBusArn"])?;
    assert_eq!(bus, "arn:aws:events:us-east-1:111122223333:event-bus/default");
    Ok(())
}

/// An event of the bus, by what it is about.
fn bus_event(source: &str, detail_type: &str, detail: &Value) -> Value {
    json!({
        "version": "0", "id": "18e7079c-dd49-dd64-caf9-e5a31640dab0", "detail-type": detail_type, "source": source,
        "account": "111122223333", "time": "2026-11-23T12:00:00Z", "region": "us-east-1", "resources": [],
        "detail": detail
    })
}

/// Events as AWS and applications send them: each kind that a rule is for, and what lies next to it.
fn events() -> BTreeMap<String, Value> {
    let mut events = BTreeMap::new();
    let output = keys::Work { campaign: "spring", upload: "4f1c" }.output();
    let output = output + "111122223333-CLN-2f1b/output/output.tar.gz";
    for (name, bucket, key) in [
        ("campaign", CAMPAIGNS, "campaigns/spring.csv.gz"),
        ("settings", CAMPAIGNS, "campaigns/spring.campaign.json"),
        ("decisions", CAMPAIGNS, "decisions/spring/ann.csv"),
        ("neither", CAMPAIGNS, "spring.csv"),
        ("campaign elsewhere", "another-bucket", "campaigns/spring.csv"),
        ("output", WORK, output.as_str()),
        ("input", WORK, "work/spring/4f1c/documents/input.txt"),
        ("output elsewhere", CAMPAIGNS, output.as_str()),
    ] {
        for detail_type in ["Object Created", "Object Deleted"] {
            let detail = json!({ "bucket": { "name": bucket }, "object": { "key": key, "sequencer": "0A" } });
            events.insert(format!("{detail_type}: {name}"), bus_event("aws.s3", detail_type, &detail));
        }
    }
    let tagged = json!({ "mail": { "tags": { tags::CAMPAIGN: ["spring"], tags::ENTRY: ["4f"] } } });
    let foreign = json!({ "mail": { "tags": { "ses:configuration-set": ["mine"] } } });
    for kind in ["Email Sent", "Email Delivered", "Email Bounced", "Email Subscribed", "Email Opened"] {
        events.insert(kind.to_owned(), bus_event("aws.ses", kind, &tagged));
        events.insert(format!("foreign {kind}"), bus_event("aws.ses", kind, &foreign));
    }
    let status = "Text Message Delivery Status Updated";
    for (name, detail) in [
        ("sms", json!({ "eventType": "TEXT_SUCCESSFUL", "context": { tags::CAMPAIGN: "spring" } })),
        ("foreign sms", json!({ "eventType": "TEXT_SUCCESSFUL", "context": { "account": "bar" } })),
        ("bare sms", json!({ "eventType": "TEXT_SUCCESSFUL" })),
    ] {
        events.insert(name.to_owned(), bus_event("aws.sms-voice", status, &detail));
    }
    let spring = json!({ "campaign": "spring", "action": "pause", "by": "ann" });
    for (name, source) in [("command", "marketing.portal"), ("foreign command", "marketing.reviews")] {
        events.insert(name.to_owned(), bus_event(source, command::DETAIL_TYPE, &spring));
    }
    for detail_type in [event::SCREENED, event::SENT, event::FAILED] {
        events.insert(detail_type.to_owned(), bus_event(event::SOURCE, detail_type, &spring));
    }
    events
}

/// What each rule takes of [`events`].
const TAKEN: [(&str, &[&str]); 6] = [
    ("UploadedRule", &["Object Created: campaign", "Object Created: settings"]),
    ("DecidedRule", &["Object Created: decisions"]),
    ("ClassifiedRule", &["Object Created: output"]),
    ("EmailRule", &["Email Bounced", "Email Delivered", "Email Sent", "Email Subscribed"]),
    // Not all of its events have a context, so that whose they are is not for the rule to say.
    ("SmsRule", &["bare sms", "foreign sms", "sms"]),
    ("CommandRule", &["command"]),
];

#[tokio::test]
async fn the_rules_take_the_events_that_are_theirs_and_no_others() -> Tested {
    let cloud = LocalCloud::start().await?;
    let template = screening()?;
    let mut resolver =
        resolver(&template, &[("EventBusName", "other"), ("CommandSource", "marketing.portal")])?;
    for (name, bucket) in [("CampaignBucket", CAMPAIGNS), ("WorkBucket", WORK)] {
        resolver.know(name, bucket, BTreeMap::new());
    }
    let rules = template["Resources"].as_object().into_iter().flatten();
    let with_pattern = rules.filter(|(_, resource)| !resource["Properties"]["EventPattern"].is_null());
    let with_pattern: BTreeSet<_> = with_pattern.map(|(name, _)| name.as_str()).collect();
    assert_eq!(with_pattern, TAKEN.map(|(rule, _)| rule).into(), "every rule is looked at");
    let events = events();
    for (rule, takes) in TAKEN {
        let properties = &template["Resources"][rule]["Properties"];
        let found = taken(&cloud, &resolver.resolve(&properties["EventPattern"])?, &events).await?;
        assert_eq!(found, takes.iter().copied().collect(), "{rule}");
        // The events of AWS services are on the default bus only.
        let bus = if rule == "CommandRule" { json!("other") } else { Value::Null };
        assert_eq!(resolver.resolve(&properties["EventBusName"])?, bus, "{rule}");
    }
    Ok(())
}

#[test]
fn the_sweeps_say_what_they_are() -> Tested {
    let template = screening()?;
    for (function, rate) in
        [("Classify", "rate(5 minutes)"), ("Send", "rate(1 minute)"), ("Report", "rate(5 minutes)")]
    {
        let rule = &template["Resources"][format!("{function}SweepRule")]["Properties"];
        assert_eq!(rule["ScheduleExpression"], rate, "{function}");
        let input = rule["Targets"][0]["Input"].as_str().unwrap_or_default();
        assert_eq!(serde_json::from_str::<Value>(input).ok(), Some(json!({ "sweep": true })), "{function}");
    }
    Ok(())
}

#[test]
fn the_outputs_have_their_names() -> Tested {
    let template = template(TEMPLATE)?;
    let outputs = template["Outputs"].as_object().ok_or("no outputs")?;
    let named =
        ["CampaignBucket", "WorkBucket", "ReportBucket", "EventBusName", "LedgerTable", "FailedQueueUrl"];
    let of_functions =
        FUNCTIONS.iter().flat_map(|name| [format!("{name}Function"), format!("{name}QueueUrl")]);
    for name in named.into_iter().map(str::to_owned).chain(of_functions) {
        assert!(outputs.contains_key(&name), "{name}");
    }
    Ok(())
}
