//! Voice to chat.

use super::screening::{allowing, statements, texts};
use super::*;

const TEMPLATE: &str = "voice-to-chat.yaml";
/// What the local cloud deploys it with.
const PARAMETERS: &str = "infra/local/parameters/voice-to-chat.json";
const FUNCTIONS: [(&str, &str); 4] = [
    ("Issue", "link-issue"),
    ("Redeem", "link-redeem"),
    ("Callback", "link-callback"),
    ("Follow", "link-follow"),
];
const INSTANCE: &str = "arn:aws:connect:us-east-1:111122223333:instance/11111111-2222-3333-4444-555555555555";

fn local_parameters() -> Result<BTreeMap<String, String>, String> {
    let text = std::fs::read_to_string(repository().join(PARAMETERS)).map_err(|error| error.to_string())?;
    serde_json::from_str(&text).map_err(|error| format!("`{PARAMETERS}`: {error}"))
}

/// The template with the local cloud's parameters as defaults, and with what it makes itself.
pub(super) fn chats() -> Result<Value, String> {
    let mut template = template(TEMPLATE)?;
    let secret = "arn:aws:secretsmanager:us-east-1:111122223333:secret:eventide-signing-keys-a1b2c3";
    let made = [("SigningKeysSecretArn", secret), ("LinkOrigin", "https://chat.example.com")];
    let made = made.map(|(name, value)| (name.to_owned(), value.to_owned()));
    for (name, value) in local_parameters()?.into_iter().chain(made) {
        template["Parameters"][name]["Default"] = value.into();
    }
    Ok(template)
}

/// A resolver that knows every resource by its logical id, and attributes as `RESOURCE.ATTRIBUTE`.
pub(super) fn knowing(template: &Value, given: &[(&str, &str)]) -> Result<Resolver, String> {
    let mut resolver = resolver(template, given)?;
    for name in template["Resources"].as_object().into_iter().flatten().map(|(name, _)| name) {
        let attributes = ["Arn", "DomainName", "Id", "RegionalDomainName"];
        let attributes = attributes.map(|attribute| (attribute.to_owned(), format!("{name}.{attribute}")));
        resolver.know(name, name, attributes.into());
    }
    Ok(resolver)
}

/// What a resource's properties come to.
pub(super) fn properties(template: &Value, resource: &str, given: &[(&str, &str)]) -> Result<Value, String> {
    let properties = &template["Resources"][resource]["Properties"];
    knowing(template, given)?.resolve(properties).map_err(|error| format!("{resource}: {error}"))
}

#[test]
fn only_what_cannot_be_guessed_has_to_be_given_and_the_local_cloud_gives_it() -> Tested {
    let (template, local) = (template(TEMPLATE)?, local_parameters()?);
    let declared = template["Parameters"].as_object().ok_or("no parameters")?;
    let required = declared.iter().filter(|(_, declaration)| declaration["Default"].is_null());
    let required: BTreeSet<_> = required.map(|(name, _)| name.as_str()).collect();
    assert_eq!(required, ["Brand", "ChatFlowId", "ConnectInstanceArn", "SigningKeysSecretArn"].into());
    for name in &required {
        assert!(declared[*name]["AllowedPattern"].is_string(), "{name}: an empty one would pass");
        // The local cloud's own key has a secret of the local cloud's.
        let comes_with_key = *name == "SigningKeysSecretArn" && local["PublicKeyA"] == "local";
        assert!(local.contains_key(*name) || comes_with_key, "{name}");
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
fn functions_read_what_the_template_sets_within_the_same_limits() -> Tested {
    let mut template = chats()?;
    let mut set = |function: &str, name: &str, value: &str| {
        template["Resources"][function]["Properties"]["Environment"]["Variables"][name] = value.into();
    };
    // Ids of keys are those of resources; the other limits are no whole numbers, and looked at below.
    set("IssueFunction", "SIGNING_KEY_IDS", "a=K2JCJMDEHXQW5F");
    set("IssueFunction", "PROVIDER_SECONDS", "3");
    // What Lambda sets, and what is as it is for everybody.
    set("RedeemFunction", "AWS_REGION", "us-east-1");
    set("RedeemFunction", "CLAIM_SECONDS", "30");
    set("RedeemFunction", "DEFAULT_NAME", "Customer");
    set("RedeemFunction", "REPLAY_SECONDS", "300");
    agrees::<link_issue::Config>(&template, "IssueFunction", "link-issue")?;
    agrees::<link_redeem::Config>(&template, "RedeemFunction", "link-redeem")?;
    agrees::<link_callback::Config>(&template, "CallbackFunction", "link-callback")?;
    agrees::<link_follow::Config>(&template, "FollowFunction", "link-follow")?;

    let mut issue = variables(&template, "IssueFunction")?;
    let seconds = &template["Parameters"]["ProviderSeconds"];
    assert_eq!(seconds["Default"], 3);
    for (value, accepted) in [
        (seconds["MinValue"].as_f64(), true),
        (seconds["MaxValue"].as_f64(), true),
        (Some(0.19), false),
        (Some(6.1), false),
    ] {
        issue.insert("PROVIDER_SECONDS".into(), value.ok_or("no limit")?.to_string());
        assert_eq!(load::<link_issue::Config>(&issue).is_ok(), accepted, "{value:?}");
    }
    Ok(())
}

#[test]
fn time_is_shared_out_so_that_everybody_is_answered() -> Tested {
    let template = chats()?;
    let timeout =
        |name: &str| template["Resources"][name]["Properties"]["Timeout"].as_f64().unwrap_or_default();
    // The flow waits for 8 seconds.
    assert!(timeout("IssueFunction") < 8.0);
    let most = template["Parameters"]["ProviderSeconds"]["MaxValue"].as_f64().ok_or("no limit")?;
    assert!(most < timeout("IssueFunction"));
    // A claim outlives who has made it, and API Gateway waits longer than both.
    let mut redeem = variables(&template, "RedeemFunction")?;
    redeem.insert("AWS_REGION".into(), "us-east-1".into());
    let claim = load::<link_redeem::Config>(&redeem)?.settings.claim.as_secs_f64();
    assert!(timeout("RedeemFunction") < claim && timeout("RedeemFunction") < 30.0);
    assert!(timeout("CallbackFunction") < 30.0);
    fits(&template, "FollowQueue", "FollowFunction")
}

#[test]
fn what_could_not_work_is_not_deployed() -> Tested {
    let mut template = chats()?;
    let rules = template["Rules"].as_object().cloned().ok_or("no rules")?;
    for (name, rule) in &rules {
        assert_eq!(rule["Assertions"].as_array().map(Vec::len), Some(1), "{name}");
        template["Conditions"][format!("Assert{name}")] = rule["Assertions"][0]["Assert"].clone();
    }
    let holds =
        |rule: &str, given: &[(&str, &str)]| resolver(&template, given)?.condition(&format!("Assert{rule}"));
    for (rule, parameters) in [
        ("SomewhereToSend", ["EmailFrom", "SmsOrigination"]),
        ("SomethingToVerifyWith", ["PublicKeyA", "PublicKeyB"]),
        ("CallbackHasANumber", ["CallbackNumber", "CallbackQueueId"]),
    ] {
        let [one, other] = parameters;
        assert!(
            holds(rule, &[(one, ""), (other, "x")])? && holds(rule, &[(one, "x"), (other, "")])?,
            "{rule}"
        );
        assert!(!holds(rule, &[(one, ""), (other, "")])?, "{rule}");
    }
    assert!(!holds("DomainNameHasACertificate", &[("DomainName", "chat.example.com")])?);
    Ok(())
}

#[test]
fn everything_is_encrypted_and_what_is_known_of_people_expires() -> Tested {
    let template = chats()?;
    everything_is_encrypted(&template)?;
    rules_reach_their_targets(&template)?;
    let resources = &template["Resources"];
    let failed = &resources["FailedQueue"]["Properties"];
    assert_eq!(failed["MessageRetentionPeriod"], 14 * 24 * 3600);
    let queue = &resources["FollowQueue"]["Properties"];
    // Events may come before what they are about is written down.
    assert!(queue["DelaySeconds"].as_i64() >= Some(2));
    assert!(queue["MessageRetentionPeriod"].as_i64() < failed["MessageRetentionPeriod"].as_i64());
    assert_eq!(
        queue["RedrivePolicy"]["deadLetterTargetArn"],
        json!({ "Fn::GetAtt": ["FailedQueue", "Arn"] })
    );
    let table = &resources["LinkTable"]["Properties"];
    let expiry = json!({ "AttributeName": "expires_at", "Enabled": true });
    assert_eq!(table["TimeToLiveSpecification"], expiry);
    assert!(table["GlobalSecondaryIndexes"].is_null());
    for secret in ["TokenSecret", "OriginSecret"] {
        let made = &resources[secret]["Properties"]["GenerateSecretString"];
        assert!(made["PasswordLength"].as_i64() >= Some(32), "{secret}");
        assert_eq!(made["ExcludePunctuation"], true, "{secret}: it is a header's value");
    }
    for (name, function) in FUNCTIONS {
        let group = &resources[format!("{name}Logs")]["Properties"];
        assert_eq!(group["RetentionInDays"], json!({ "Ref": "LogRetentionDays" }), "{name}");
        let properties = &resources[format!("{name}Function")]["Properties"];
        assert_eq!(properties["LoggingConfig"]["LogGroup"], json!({ "Ref": format!("{name}Logs") }));
        assert_eq!(properties["Role"], json!({ "Fn::GetAtt": [format!("{name}Role"), "Arn"] }));
        assert_eq!(properties["CodeUri"], format!("../target/lambda/{function}/"));
    }
    Ok(())
}

#[test]
fn whole_links_are_in_no_access_log() -> Tested {
    let template = chats()?;
    for (name, resource) in template["Resources"].as_object().into_iter().flatten() {
        let properties = resource["Properties"].to_string();
        for logging in ["AccessLogSettings", "RealtimeLogConfigArn", "LoggingConfiguration", "\"Logging\""] {
            assert!(!properties.contains(logging), "{name} has {logging}");
        }
        let kind = resource["Type"].as_str().unwrap_or_default();
        assert!(!["AWS::Logs::DeliverySource", "AWS::Logs::Delivery"].contains(&kind), "{name}");
    }
    Ok(())
}

#[test]
fn every_right_is_for_something_and_each_function_has_its_own() -> Tested {
    let template = chats()?;
    let given = [
        ("ConfigurationSetName", "emails"),
        ("SmsConfigurationSetName", "texts"),
        ("CallbackQueueId", "33333333-0000-4000-8000-000000000001"),
    ];
    let whose = [
        ("ses:SendEmail", "Issue"),
        ("sms-voice:SendTextMessage", "Issue"),
        ("connect:StartChatContact", "Redeem"),
        ("connect:StartOutboundVoiceContact", "Callback"),
        ("connect:StopContact", "Follow"),
        ("connect:DescribeContact", "Follow"),
        ("sqs:SendMessage", "Follow"),
    ];
    for (name, _) in FUNCTIONS {
        let statements = statements(&template, &format!("{name}Role"), &given)?;
        for statement in &statements {
            assert_eq!(statement["Effect"], "Allow", "{name}");
            let actions = texts(&statement["Action"]);
            assert!(actions.iter().all(|action| !action.contains('*')), "{name}: {actions:?}");
            assert!(!texts(&statement["Resource"]).contains(&"*"), "{name}: {actions:?}");
        }
        for (action, function) in whose {
            assert_eq!(allowing(&statements, action).is_some(), function == name, "{name}: {action}");
        }
        let secrets = allowing(&statements, "secretsmanager:GetSecretValue").unwrap_or_default();
        let secrets = texts(&secrets["Resource"]);
        let signs = secrets.iter().any(|arn| arn.contains("signing-keys"));
        assert_eq!(signs, name == "Issue", "{name}: {secrets:?}");
        assert_eq!(secrets.contains(&"arn:OriginSecret"), ["Redeem", "Callback"].contains(&name), "{name}");
    }
    let flow = statements(&template, "RedeemRole", &given)?;
    let chat = allowing(&flow, "connect:StartChatContact").unwrap_or_default();
    let flow = format!("{INSTANCE}/contact-flow/aaaaaaaa-0000-4000-8000-000000000001");
    assert_eq!(texts(&chat["Resource"]), [flow, format!("{INSTANCE}/contact/*")]);
    // Flows of this instance only.
    let permission = properties(&template, "ConnectPermission", &[])?;
    assert_eq!(permission["Principal"], "connect.amazonaws.com");
    assert_eq!(
        (&permission["SourceArn"], &permission["SourceAccount"]),
        (&json!(INSTANCE), &json!("111122223333"))
    );
    Ok(())
}

#[test]
fn what_is_not_configured_is_not_allowed() -> Tested {
    let template = chats()?;
    let resources = |role: &str, action: &str, given: &[(&str, &str)]| {
        let statements = statements(&template, role, given)?;
        let resources =
            |statement: Value| texts(&statement["Resource"]).iter().map(|one| (*one).to_owned()).collect();
        Ok::<Option<Vec<String>>, String>(allowing(&statements, action).map(resources))
    };
    let (email, sms) = ("ses:SendEmail", "sms-voice:SendTextMessage");
    let (ses, voice) = ("arn:aws:ses:us-east-1:111122223333", "arn:aws:sms-voice:us-east-1:111122223333");
    assert_eq!(resources("IssueRole", sms, &[("SmsOrigination", "")])?, None);
    assert_eq!(resources("IssueRole", email, &[("EmailFrom", "")])?, None);
    assert_eq!(resources("IssueRole", email, &[])?, Some(vec![format!("{ses}:identity/*")]));
    let with_set = resources("IssueRole", email, &[("ConfigurationSetName", "mine")])?;
    assert_eq!(with_set, Some(vec![format!("{ses}:identity/*"), format!("{ses}:configuration-set/mine")]));
    let pool = format!("{voice}:pool/pool-1");
    let most = [
        ("SmsOrigination", pool.as_str()),
        ("SmsConfigurationSetName", "texts"),
        ("SmsProtectConfigurationId", "protect-1"),
    ];
    let all = [
        pool.clone(),
        format!("{voice}:configuration-set/texts"),
        format!("{voice}:protect-configuration/protect-1"),
    ];
    assert_eq!(resources("IssueRole", sms, &most)?, Some(all.to_vec()));
    assert_eq!(resources("IssueRole", sms, &most[..1])?, Some(vec![pool]));
    let from =
        statements(&template, "IssueRole", &[("EmailFrom", "a@example.org"), ("EmailFromName", "Ann")])?;
    let condition = allowing(&from, email).unwrap_or_default()["Condition"].clone();
    assert_eq!(condition, json!({ "StringEquals": { "ses:FromAddress": "a@example.org" } }));

    let call = "connect:StartOutboundVoiceContact";
    assert_eq!(resources("CallbackRole", call, &[("CallbackFlowId", "")])?, None);
    // A contact that does not exist before.
    let calls = Some(vec![format!("{INSTANCE}/contact/*")]);
    assert_eq!(resources("CallbackRole", call, &[])?, calls);
    assert_eq!(
        resources("CallbackRole", call, &[("CallbackQueueId", "33333333-0000-4000-8000-000000000001")])?,
        calls
    );
    // And the function is told so.
    let mut without = template.clone();
    without["Parameters"]["CallbackFlowId"]["Default"] = json!("");
    let config = load::<link_callback::Config>(&variables(&without, "CallbackFunction")?)?;
    assert_eq!(config.settings.calls, None);
    Ok(())
}

#[tokio::test]
async fn the_rule_takes_calls_with_agents_and_chats_that_begin() -> Tested {
    let cloud = LocalCloud::start().await?;
    let template = chats()?;
    let other = INSTANCE.replace("11111111", "22222222");
    let mut events = BTreeMap::new();
    for channel in ["VOICE", "CHAT", "TASK", "EMAIL"] {
        for kind in
            ["INITIATED", "CONNECTED_TO_SYSTEM", "QUEUED", "CONNECTED_TO_AGENT", "DISCONNECTED", "COMPLETED"]
        {
            for (instance, about) in [(INSTANCE, ""), (other.as_str(), " elsewhere")] {
                let detail = json!({ "instanceArn": instance, "channel": channel, "eventType": kind, "contactId": "c" });
                let event = json!({
                    "version": "0", "id": "18e7079c-dd49-dd64-caf9-e5a31640dab0", "source": "aws.connect",
                    "detail-type": "Amazon Connect Contact Event", "account": "111122223333",
                    "time": "2026-11-27T10:00:00Z", "region": "us-east-1", "resources": [], "detail": detail,
                });
                events.insert(format!("{channel} {kind}{about}"), event);
            }
        }
    }
    let pattern = properties(&template, "ContactRule", &[])?["EventPattern"].clone();
    let found = taken(&cloud, &pattern, &events).await?;
    let expected =
        ["CHAT CONNECTED_TO_AGENT", "CHAT INITIATED", "VOICE CONNECTED_TO_AGENT", "VOICE INITIATED"];
    assert_eq!(found, expected.into());
    Ok(())
}

#[test]
fn the_outputs_have_their_names() -> Tested {
    let template = template(TEMPLATE)?;
    let outputs: BTreeSet<_> = template["Outputs"].as_object().ok_or("no outputs")?.keys().collect();
    for name in [
        "IssueFunction",
        "RedeemFunction",
        "CallbackFunction",
        "FollowFunction",
        "RedeemUrl",
        "WidgetUrl",
        "LinkOrigin",
        "WidgetBucket",
        "LinkTable",
        "FollowQueueUrl",
        "FailedQueueUrl",
        "DistributionId",
    ] {
        assert!(outputs.contains(&name.to_owned()), "{name}");
    }
    Ok(())
}
