"""Calls every operation of the Detective stand-in with boto3 and checks its raw answers.

    python detective_conformance.py ENDPOINT
"""

import json
import sys
import urllib.request
from datetime import datetime, timedelta, timezone

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from shape_check import ShapeChecker, self_test

ENDPOINT = sys.argv[1]

KINDS = {
    "TTP_OBSERVED": "TTPsObservedDetail",
    "IMPOSSIBLE_TRAVEL": "ImpossibleTravelDetail",
    "FLAGGED_IP_ADDRESS": "FlaggedIpAddressDetail",
    "NEW_GEOLOCATION": "NewGeolocationDetail",
    "NEW_ASO": "NewAsoDetail",
    "NEW_USER_AGENT": "NewUserAgentDetail",
    "RELATED_FINDING": "RelatedFindingDetail",
    "RELATED_FINDING_GROUP": "RelatedFindingGroupDetail",
}
ROLE = "arn:aws:iam::111122223333:role/service/payments/PaymentsBatch"


COVERED = {
    "CreateGraph", "ListGraphs", "DeleteGraph",
    "StartInvestigation", "GetInvestigation", "ListInvestigations", "ListIndicators", "UpdateInvestigationState",
}

checker = ShapeChecker(unmodelled_errors={"NotImplementedException"})


def client(region="us-east-1"):
    return checker.attach(boto3.client(
        "detective", region_name=region, endpoint_url=ENDPOINT, config=Config(retries={"max_attempts": 0}),
        aws_access_key_id="AKIAEXAMPLE", aws_secret_access_key="secret"))


def control(path, body):
    request = urllib.request.Request(
        f"{ENDPOINT}/_local/{path}", method="POST", data=json.dumps(body).encode(),
        headers={"content-type": "application/json"})
    urllib.request.urlopen(request).close()


def pages(call, list_name, **arguments):
    found, count = [], 0
    while True:
        answer = call(**arguments)
        found += answer[list_name]
        count += 1
        if "NextToken" not in answer:
            return found, count
        arguments["NextToken"] = answer["NextToken"]


def refused(code, call, **arguments):
    try:
        call(**arguments)
    except ClientError as error:
        found = error.response["Error"]
        assert found["Code"] == code, f"expected {code}: {found}"
        assert found["Message"], f"no message: {found}"
        return
    raise AssertionError(f"expected {code}, but {arguments} was accepted")


def check_the_checker(detective):
    model = detective.meta.service_model.operation_model("ListIndicators")
    detail = {"FlaggedIpAddressDetail": {"IpAddress": "203.0.113.10", "Reason": "AWS_THREAT_INTELLIGENCE"}}
    good = {"InvestigationId": "0" * 21, "Indicators": [
        {"IndicatorType": "FLAGGED_IP_ADDRESS", "IndicatorDetail": detail}]}
    self_test(model, good, [
        {"InvestigationId": "0" * 20},
        {"Indicators": {}},
        {"Indicators": [{"IndicatorType": "FLAGGED"}]},
        {"Indicators": [{"IndicatorDetail": {"TtpsObservedDetail": {}}}]},
    ])


def main():
    detective = client()
    check_the_checker(detective)
    control("detective/settings", {"defaultSeconds": 600})

    (graph,) = detective.list_graphs()["GraphList"]
    arn = graph["Arn"]
    assert detective.create_graph(Tags={"team": "security"})["GraphArn"] == arn, "CreateGraph is idempotent"

    elsewhere = client("eu-west-1")
    assert elsewhere.list_graphs()["GraphList"] == []
    made = elsewhere.create_graph()["GraphArn"]
    refused("ResourceNotFoundException", detective.list_investigations, GraphArn=made)
    elsewhere.delete_graph(GraphArn=made)
    refused("ResourceNotFoundException", elsewhere.delete_graph, GraphArn=made)

    now = datetime.now(timezone.utc)
    scope = {"ScopeStartTime": now - timedelta(hours=24), "ScopeEndTime": now}
    start = detective.start_investigation
    for entity in ("arn:aws:iam::111122223333:root", "arn:aws:sts::111122223333:assumed-role/a/b"):
        refused("ValidationException", start, GraphArn=arn, EntityArn=entity, **scope)
    backwards = {"ScopeStartTime": now, "ScopeEndTime": now - timedelta(hours=1)}
    refused("ValidationException", start, GraphArn=arn, EntityArn=ROLE, **backwards)

    investigation = start(GraphArn=arn, EntityArn=ROLE, **scope)["InvestigationId"]
    failing = start(GraphArn=arn, EntityArn="arn:aws:iam::111122223333:role/LegacyImport", **scope)
    running = detective.get_investigation(GraphArn=arn, InvestigationId=investigation)
    assert running["Status"] == "RUNNING" and "Severity" not in running, running
    assert abs(running["ScopeEndTime"] - now) < timedelta(milliseconds=1), running

    control("clock", {"advance_seconds": 3600})
    done = detective.get_investigation(GraphArn=arn, InvestigationId=investigation)
    assert (done["Status"], done["Severity"], done["EntityType"]) == ("SUCCESSFUL", "CRITICAL", "IAM_ROLE"), done
    failed = detective.get_investigation(GraphArn=arn, InvestigationId=failing["InvestigationId"])
    assert failed["Status"] == "FAILED" and "Severity" not in failed, failed

    asked = {"GraphArn": arn, "InvestigationId": investigation}
    indicators, count = pages(detective.list_indicators, "Indicators", MaxResults=100, **asked)
    assert count > 5, f"{count} pages"
    assert {indicator["IndicatorType"] for indicator in indicators} == set(KINDS)
    for indicator in indicators:
        assert set(indicator["IndicatorDetail"]) == {KINDS[indicator["IndicatorType"]]}, indicator
    travel, _ = pages(detective.list_indicators, "Indicators", IndicatorType="IMPOSSIBLE_TRAVEL", **asked)
    assert travel == [each for each in indicators if each["IndicatorType"] == "IMPOSSIBLE_TRAVEL"] != []
    refused("ValidationException", detective.list_indicators, NextToken="nonsense", **asked)
    refused("ResourceNotFoundException", detective.list_indicators, GraphArn=arn, InvestigationId="0" * 21)

    detective.update_investigation_state(State="ARCHIVED", **asked)
    listed, _ = pages(
        detective.list_investigations,
        "InvestigationDetails",
        GraphArn=arn,
        FilterCriteria={
            "EntityArn": {"Value": ROLE},
            "State": {"Value": "ARCHIVED"},
            "CreatedTime": {"StartInclusive": now - timedelta(minutes=5), "EndInclusive": now + timedelta(days=2)},
        },
        SortCriteria={"Field": "CREATED_TIME", "SortOrder": "DESC"},
    )
    assert [each["InvestigationId"] for each in listed] == [investigation], listed
    everything, count = pages(detective.list_investigations, "InvestigationDetails", GraphArn=arn, MaxResults=1)
    assert (len(everything), count) == (2, 2), everything

    refused("NotImplementedException", detective.list_members, GraphArn=arn)

    assert not checker.faults, "\n".join(checker.faults)
    assert checker.operations == COVERED, checker.operations ^ COVERED


main()
