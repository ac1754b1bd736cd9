"""Calls every operation of the Security Hub stand-in with boto3 and checks its raw answers.

    python securityhub_conformance.py ENDPOINT
"""

import sys
import urllib.request
import json

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from shape_check import ShapeChecker, self_test

ACCOUNT = "111122223333"
PRODUCT = "arn:aws:securityhub:us-east-1::product/aws/guardduty"
ENDPOINT = sys.argv[1]

COVERED = {
    "BatchImportFindings", "BatchUpdateFindings", "GetFindings", "GetFindingHistory",
    "BatchUpdateFindingsV2", "GetFindingsV2",
    "CreateAutomationRule", "ListAutomationRules", "BatchGetAutomationRules", "BatchUpdateAutomationRules",
    "BatchDeleteAutomationRules",
    "CreateActionTarget", "DescribeActionTargets", "UpdateActionTarget", "DeleteActionTarget",
    "EnableSecurityHub", "DisableSecurityHub", "DescribeHub",
    "EnableSecurityHubV2", "DisableSecurityHubV2", "DescribeSecurityHubV2",
}

checker = ShapeChecker(unmodelled_errors={"TooManyRequestsException", "NotImplementedException"})


def aws(service, region="us-east-1"):
    return boto3.client(
        service, region_name=region, endpoint_url=ENDPOINT, config=Config(retries={"max_attempts": 0}),
        aws_access_key_id="AKIAEXAMPLE", aws_secret_access_key="secret")


def client(region="us-east-1"):
    return checker.attach(aws("securityhub", region))


def control(method, path, body=None):
    request = urllib.request.Request(
        f"{ENDPOINT}/_local/securityhub/{path}", method=method,
        data=None if body is None else json.dumps(body).encode(), headers={"content-type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def refused(code, call, **arguments):
    try:
        call(**arguments)
    except ClientError as error:
        assert error.response["Error"]["Code"] == code, error
        assert error.response["Error"]["Message"], error
        return
    raise AssertionError(f"{call.__name__} was not refused with {code}")


def finding(number, **changes):
    return {
        "SchemaVersion": "2018-10-08",
        "Id": f"arn:aws:guardduty:us-east-1:{ACCOUNT}:detector/d/finding/{number}",
        "ProductArn": PRODUCT,
        "GeneratorId": f"arn:aws:guardduty:us-east-1:{ACCOUNT}:detector/d",
        "AwsAccountId": ACCOUNT,
        "Types": ["TTPs/Discovery/Recon:IAMUser-MaliciousIPCaller.Custom"],
        "CreatedAt": "2026-11-20T12:00:00.000Z",
        "UpdatedAt": "2026-11-20T12:00:00.000Z",
        "Severity": {"Label": "HIGH", "Original": "8.0"},
        "Title": "Reconnaissance from a listed address",
        "Description": "An API was called from an IP address on a custom threat list.",
        "Resources": [{
            "Type": "AwsIamAccessKey",
            "Id": "AWS::IAM::AccessKey:ASIAEXAMPLE",
            "Partition": "aws",
            "Region": "us-east-1",
            "Details": {"AwsIamAccessKey": {
                "PrincipalId": "AROAEXAMPLE:session", "PrincipalType": "AssumedRole", "PrincipalName": "deployer",
            }},
        }],
        **changes,
    }


def identifier(number):
    return {"Id": finding(number)["Id"], "ProductArn": PRODUCT}


def check_the_checker(hub):
    model = hub.meta.service_model.operation_model("BatchUpdateFindings")
    failure = {"FindingIdentifier": identifier(1), "ErrorCode": "FindingNotFound", "ErrorMessage": "m"}
    good = {"ProcessedFindings": [identifier(1)], "UnprocessedFindings": [failure]}
    self_test(model, good, [
        {"ProcessedFindings": []},
        {**good, "Processed": []},
        {**good, "ProcessedFindings": {}},
        {**good, "ProcessedFindings": [{"Id": "x"}]},
        {**good, "UnprocessedFindings": [{**failure, "ErrorCode": " "}]},
        {**good, "UnprocessedFindings": [{**failure, "ErrorMessage": 4}]},
    ])
    self_test(hub.meta.service_model.operation_model("ListAutomationRules"), {}, [
        {"AutomationRulesMetadata": [{"RuleStatus": "ON"}]},
        {"AutomationRulesMetadata": [{"RuleOrder": 1001}]},
        {"AutomationRulesMetadata": [{"CreatedAt": 1700000000}]},
        {"AutomationRulesMetadata": [{"IsTerminal": "no"}]},
    ])


def hubs(hub):
    described = hub.describe_hub()
    assert described["HubArn"] == f"arn:aws:securityhub:us-east-1:{ACCOUNT}:hub/default", described
    refused("ResourceNotFoundException", hub.describe_hub, HubArn="arn:aws:securityhub:us-east-1:1:hub/other")
    refused("ResourceConflictException", hub.enable_security_hub)
    elsewhere = client("eu-central-1")
    elsewhere.disable_security_hub()
    refused("InvalidAccessException", elsewhere.get_findings)
    elsewhere.enable_security_hub(EnableDefaultStandards=False)
    assert elsewhere.get_findings()["Findings"] == []
    refused("ResourceNotFoundException", hub.describe_security_hub_v2)
    refused("AccessDeniedException", hub.get_findings_v2)
    hub.enable_security_hub_v2(Tags={"team": "red"})
    assert hub.describe_security_hub_v2()["HubV2Arn"].startswith(f"arn:aws:securityhub:us-east-1:{ACCOUNT}:hubv2/")


def action_targets(hub):
    arn = hub.create_action_target(Name="Investigate", Description="With Detective", Id="Investigate")["ActionTargetArn"]
    assert arn == f"arn:aws:securityhub:us-east-1:{ACCOUNT}:action/custom/Investigate", arn
    refused("ResourceConflictException", hub.create_action_target, Name="n", Description="d", Id="Investigate")
    refused("InvalidInputException", hub.create_action_target, Name="n" * 21, Description="d", Id="x")
    refused("InvalidInputException", hub.create_action_target, Name="n", Description="d", Id="not-alphanumeric")
    hub.update_action_target(ActionTargetArn=arn, Description="By Detective")
    described = hub.describe_action_targets(ActionTargetArns=[arn])["ActionTargets"]
    assert described == [{"ActionTargetArn": arn, "Name": "Investigate", "Description": "By Detective"}], described
    assert hub.delete_action_target(ActionTargetArn=arn)["ActionTargetArn"] == arn
    for operation in (hub.update_action_target, hub.delete_action_target):
        refused("ResourceNotFoundException", operation, ActionTargetArn=arn)
    refused("ResourceNotFoundException", hub.describe_action_targets, ActionTargetArns=[arn])


def rule(**changes):
    return {
        "RuleOrder": 1,
        "RuleName": "mark",
        "Description": "marks findings",
        "Criteria": {
            "ProductName": [{"Comparison": "EQUALS", "Value": "GuardDuty"}],
            "SeverityLabel": [{"Comparison": "EQUALS", "Value": label} for label in ("HIGH", "CRITICAL")],
            "ResourceType": [{"Comparison": "PREFIX", "Value": "AwsIam"}],
            "UserDefinedFields": [
                {"Key": "investigate", "Comparison": "NOT_EQUALS", "Value": state} for state in ("running", "complete")
            ],
        },
        "Actions": [{
            "Type": "FINDING_FIELDS_UPDATE",
            "FindingFieldsUpdate": {"UserDefinedFields": {"investigate": "true"}},
        }],
        **changes,
    }


def automation_rules(hub):
    arns = [hub.create_automation_rule(**rule(RuleOrder=order))["RuleArn"] for order in (1, 2, 3)]
    missing = arns[0][:-1] + "x"
    listed = hub.list_automation_rules(MaxResults=2)
    assert [metadata["RuleOrder"] for metadata in listed["AutomationRulesMetadata"]] == [1, 2], listed
    rest = hub.list_automation_rules(MaxResults=2, NextToken=listed["NextToken"])
    assert [metadata["RuleOrder"] for metadata in rest["AutomationRulesMetadata"]] == [3], rest
    got = hub.batch_get_automation_rules(AutomationRulesArns=[arns[0], missing])
    assert got["Rules"][0]["Criteria"] == rule()["Criteria"], got
    assert got["Rules"][0]["Actions"] == rule()["Actions"], got
    assert got["UnprocessedAutomationRules"][0]["RuleArn"] == missing, got
    updated = hub.batch_update_automation_rules(UpdateAutomationRulesRequestItems=[
        {"RuleArn": arns[1], "RuleStatus": "DISABLED"}, {"RuleArn": missing, "RuleName": "n"},
    ])
    assert (updated["ProcessedAutomationRules"], len(updated["UnprocessedAutomationRules"])) == ([arns[1]], 1), updated
    deleted = hub.batch_delete_automation_rules(AutomationRulesArns=[arns[1], arns[2], missing])
    assert (len(deleted["ProcessedAutomationRules"]), len(deleted["UnprocessedAutomationRules"])) == (2, 1), deleted
    refused("InvalidInputException", hub.create_automation_rule, **rule(RuleName="n" * 257))
    refused("InvalidInputException", hub.create_automation_rule, **rule(Criteria={}))
    both = [{"Comparison": "EQUALS", "Value": "a"}, {"Comparison": "NOT_EQUALS", "Value": "b"}]
    refused("InvalidInputException", hub.create_automation_rule, **rule(Criteria={"Title": both}))


def findings(hub):
    imported = hub.batch_import_findings(Findings=[finding(n) for n in range(30)] + [finding(30, Title="t" * 257)])
    assert (imported["SuccessCount"], imported["FailedCount"]) == (30, 1), imported
    refused("InvalidInputException", hub.batch_import_findings, Findings=[finding(n) for n in range(101)])

    pages = list(hub.get_paginator("get_findings").paginate(
        Filters={"Keyword": [{"Value": "reconnaissance"}]}, SortCriteria=[{"Field": "Id", "SortOrder": "desc"}]))
    ids = [held["Id"] for page in pages for held in page["Findings"]]
    assert len(pages) > 1 and len(ids) == 30 and ids == sorted(ids, reverse=True), (len(pages), ids)
    held = hub.get_findings(Filters={"Id": [{"Comparison": "EQUALS", "Value": finding(0)["Id"]}]})["Findings"][0]
    assert held["UserDefinedFields"] == {"investigate": "true"}, held
    assert (held["ProductName"], held["Severity"]["Normalized"]) == ("GuardDuty", 70), held

    updated = hub.batch_update_findings(
        FindingIdentifiers=[identifier(0), identifier(0), identifier(99)],
        Note={"Text": "verdict", "UpdatedBy": "eventide"},
        UserDefinedFields={"investigate": "complete"},
        Severity={"Label": "CRITICAL"}, Workflow={"Status": "NOTIFIED"}, VerificationState="TRUE_POSITIVE",
        Confidence=90, Criticality=50, Types=["TTPs"], RelatedFindings=[identifier(1)])
    assert updated["ProcessedFindings"] == [identifier(0)], updated
    codes = [failure["ErrorCode"] for failure in updated["UnprocessedFindings"]]
    assert codes == ["DuplicatedFindingIdentifier", "FindingNotFound"], updated
    hub.batch_import_findings(Findings=[finding(0, UpdatedAt="2026-11-21T12:00:00Z", Title="Again")])
    complete = {"Key": "investigate", "Comparison": "EQUALS", "Value": "complete"}
    matching = hub.get_findings(Filters={"UserDefinedFields": [complete], "NoteText": [
        {"Comparison": "PREFIX", "Value": "ver"}]})["Findings"]
    assert [(held["Title"], held["Severity"]["Label"]) for held in matching] == [("Again", "CRITICAL")], matching
    history = hub.get_finding_history(FindingIdentifier=identifier(0))["Records"]
    assert [record["FindingCreated"] for record in history] == [True, False, False], history

    refused("InvalidInputException", hub.batch_update_findings,
            FindingIdentifiers=[identifier(0)], Note={"Text": "n" * 513, "UpdatedBy": "eventide"})
    refused("InvalidInputException", hub.batch_update_findings,
            FindingIdentifiers=[identifier(n) for n in range(101)], Confidence=1)
    refused("InvalidInputException", hub.get_findings, NextToken="forged")
    refused("InvalidInputException", hub.get_findings, Filters={"Title": [{"Comparison": "CONTAINS", "Value": "x"}]})


def ocsf_findings(hub):
    by_uid = {"StringFilters": [{"FieldName": "finding_info.uid",
                                 "Filter": {"Comparison": "EQUALS", "Value": finding(0)["Id"]}}]}
    shown = hub.get_findings_v2(Filters={"CompositeFilters": [by_uid]})["Findings"][0]
    assert (shown["class_uid"], shown["cloud"]["account"]["uid"]) == (2004, ACCOUNT), shown
    uid = shown["metadata"]["uid"]
    ocsf_identifier = {
        "CloudAccountUid": ACCOUNT, "FindingInfoUid": finding(1)["Id"],
        "MetadataProductUid": shown["metadata"]["product"]["uid"],
    }
    updated = hub.batch_update_findings_v2(MetadataUids=[uid, "unknown"], Comment="seen", SeverityId=4, StatusId=2)
    assert updated["ProcessedFindings"] == [{"MetadataUid": uid}], updated
    assert updated["UnprocessedFindings"][0]["ErrorCode"] == "ResourceNotFoundException", updated
    hub.batch_update_findings_v2(FindingIdentifiers=[ocsf_identifier], StatusId=3)
    assert hub.get_findings_v2(Filters={"CompositeFilters": [by_uid]})["Findings"][0]["comment"] == "seen"
    refused("ValidationException", hub.batch_update_findings_v2, MetadataUids=[uid], Comment="c" * 513)
    refused("ValidationException", hub.batch_update_findings_v2, MetadataUids=[uid])
    hub.disable_security_hub_v2()


def injected_failures(hub):
    control("POST", "unprocessed", {"findingIdContains": "/finding/5", "code": "InternalFailure", "times": 1})
    update = {"FindingIdentifiers": [identifier(5)], "Confidence": 5}
    assert hub.batch_update_findings(**update)["UnprocessedFindings"][0]["ErrorCode"] == "InternalFailure"
    assert hub.batch_update_findings(**update)["ProcessedFindings"] == [identifier(5)]


def events_reach_the_targets_of_rules(hub):
    events, sqs = aws("events"), aws("sqs")
    queue = sqs.create_queue(QueueName="securityhub-conformance")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    action = hub.create_action_target(Name="Look", Description="d", Id="Look")["ActionTargetArn"]
    patterns = {
        "marked": {"source": ["aws.securityhub"], "detail-type": ["Security Hub Findings - Imported"],
                   "detail": {"findings": {"UserDefinedFields": {"look": ["here"]}}}},
        "chosen": {"source": ["aws.securityhub"], "detail-type": ["Security Hub Findings - Custom Action"],
                   "resources": [action]},
    }
    for name, pattern in patterns.items():
        events.put_rule(Name=name, EventPattern=json.dumps(pattern))
        events.put_targets(Rule=name, Targets=[{"Id": "queue", "Arn": arn}])

    def received():
        for _ in range(30):
            messages = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=1).get("Messages", [])
            for message in messages:
                sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
                return json.loads(message["Body"])
        raise AssertionError("no event came within 30 seconds")

    for number, fields in ((50, {"look": "elsewhere"}), (51, {"look": "here"})):
        hub.batch_import_findings(Findings=[finding(number, UserDefinedFields=fields)])
    event = received()
    assert event["resources"] == [f"{PRODUCT}/{finding(51)['Id']}"], event
    assert [held["Id"] for held in event["detail"]["findings"]] == [finding(51)["Id"]], event

    sent = control("POST", "custom-action", {"actionArn": action, "findings": [identifier(50)]})
    assert [delivery["rule"] for delivery in sent["events"][0]["deliveries"]] == ["chosen"], sent
    event = received()
    assert (event["detail"]["actionName"], event["resources"]) == ("Look", [action]), event
    again = control("POST", "redeliver", {"index": sent["events"][0]["index"]})
    assert received()["id"] == event["id"] == again["event"]["id"], again


def rates(hub):
    control("POST", "settings", {"rates": True})
    for _ in range(1000):
        try:
            hub.get_findings(MaxResults=1)
        except ClientError as error:
            assert error.response["Error"]["Code"] == "TooManyRequestsException", error
            assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 429, error
            break
    else:
        raise AssertionError("1000 calls and no throttling")
    control("POST", "settings", {"rates": False})


def main():
    hub = client()
    check_the_checker(hub)
    hubs(hub)
    action_targets(hub)
    automation_rules(hub)
    findings(hub)
    ocsf_findings(hub)
    injected_failures(hub)
    events_reach_the_targets_of_rules(hub)
    rates(hub)
    refused("NotImplementedException", hub.get_insights)
    assert checker.operations == COVERED, checker.operations ^ COVERED
    assert not checker.faults, "\n".join(checker.faults)


main()
