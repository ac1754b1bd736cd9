"""Calls every operation of the Redshift Data stand-in with boto3 and checks its raw answers.

    python redshift_data_conformance.py ENDPOINT
"""

import csv
import io
import json
import sys
import time
import urllib.request

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from shape_check import ShapeChecker, self_test

ENDPOINT = sys.argv[1]
WORKGROUP = {"WorkgroupName": "eventide", "Database": "dev"}
CLUSTER = {"ClusterIdentifier": "eventide-cluster", "Database": "dev", "DbUser": "awsuser"}

COVERED = {
    "ExecuteStatement", "BatchExecuteStatement", "DescribeStatement", "GetStatementResult", "GetStatementResultV2",
    "ListStatements", "CancelStatement", "ListSessions", "ListDatabases", "ListSchemas", "ListTables", "DescribeTable",
}

checker = ShapeChecker()


def client(region="us-east-1", key="AKIAEXAMPLE", token=None):
    return checker.attach(boto3.client(
        "redshift-data", region_name=region, endpoint_url=ENDPOINT, config=Config(retries={"max_attempts": 0}),
        aws_access_key_id=key, aws_secret_access_key="secret", aws_session_token=token))


def as_role(role):
    sts = boto3.client("sts", region_name="us-east-1", endpoint_url=ENDPOINT, aws_access_key_id="111122223333",
                       aws_secret_access_key="secret")
    keys = sts.assume_role(RoleArn=f"arn:aws:iam::111122223333:role/{role}", RoleSessionName="session")["Credentials"]
    return client(key=keys["AccessKeyId"], token=keys["SessionToken"])


def control(path, body, method="POST"):
    request = urllib.request.Request(
        f"{ENDPOINT}/_local/{path}", method=method, data=json.dumps(body).encode(),
        headers={"content-type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def ended(data, statement):
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        described = data.describe_statement(Id=statement, WaitTimeSeconds=5)
        if described["Status"] in ("FINISHED", "FAILED", "ABORTED"):
            return described
    raise AssertionError(f"{statement} does not end")


def refused(code, call, **arguments):
    try:
        call(**arguments)
    except ClientError as error:
        found = error.response["Error"]
        assert found["Code"] == code, f"expected {code}: {found}"
        return
    raise AssertionError(f"expected {code}, but {arguments} was accepted")


def check_the_checker(data):
    model = data.meta.service_model.operation_model("DescribeStatement")
    good = {"Id": "d9b6c0c9-0747-4bf4-b142-e8883122f766", "Status": "FINISHED", "Duration": 5}
    self_test(model, good, [
        {**good, "Id": "x"}, {**good, "Status": "DONE"}, {**good, "Duration": "5"}, {"Status": "FINISHED"},
        {**good, "Rows": 1},
    ])


def main():
    data = client()
    check_the_checker(data)
    control("redshift-data/settings", {"pageRows": 2, "pageItems": 2})
    control("redshift-data/human-resources", {"bucket": "lake"})

    rows = "select 1 as n, 'a,b' as t, cast(1.50 as decimal(10,2)) as d union all " \
           "select 2, null, 2.25 union all select 3, 'x', null order by 1"
    submitted = data.execute_statement(Sql=rows, StatementName="rows", WaitTimeSeconds=30, **CLUSTER)
    assert submitted["Status"] == "FINISHED" and submitted["HasResultSet"], submitted
    assert submitted["ClusterIdentifier"] == "eventide-cluster" and submitted["DbUser"] == "awsuser", submitted
    described = ended(data, submitted["Id"])
    assert (described["ResultRows"], described["ResultFormat"]) == (3, "JSON"), described
    pages = list(data.get_paginator("get_statement_result").paginate(Id=submitted["Id"]))
    assert [len(page["Records"]) for page in pages] == [2, 1], pages
    records = [record for page in pages for record in page["Records"]]
    assert [list(record[2].values())[0] for record in records] == ["1.50", "2.25", True], records
    assert [list(record[1]) for record in records] == [["stringValue"], ["isNull"], ["stringValue"]], records
    assert [column["name"] for column in pages[0]["ColumnMetadata"]] == ["n", "t", "d"]
    refused("ValidationException", data.get_statement_result_v2, Id=submitted["Id"])
    refused("ValidationException", data.get_statement_result, Id=submitted["Id"], NextToken="nonsense")

    in_csv = data.execute_statement(Sql=rows, ResultFormat="CSV", WaitTimeSeconds=30, **CLUSTER)["Id"]
    pages = list(data.get_paginator("get_statement_result_v2").paginate(Id=in_csv))
    text = "".join(record["CSVRecords"] for page in pages for record in page["Records"])
    read = list(csv.reader(io.StringIO(text, newline="")))
    assert read == [["n", "t", "d"], ["1", "a,b", "1.50"], ["2", "", "2.25"], ["3", "x", ""]], read
    refused("ValidationException", data.get_statement_result, Id=in_csv)

    parameters = [{"name": "who", "value": "'; drop schema humanresources; --"}]
    hostile = data.execute_statement(Sql="select :who as who", Parameters=parameters, WaitTimeSeconds=30, **WORKGROUP)
    found = data.get_statement_result(Id=hostile["Id"])["Records"]
    assert found == [[{"stringValue": parameters[0]["value"]}]], found
    assert data.describe_statement(Id=hostile["Id"])["QueryParameters"] == parameters
    refused("ValidationException", data.execute_statement, Sql="select 1", Parameters=parameters, **WORKGROUP)

    failing = ended(data, data.execute_statement(Sql="select * from absent_schema.absent", **WORKGROUP)["Id"])
    assert failing["Status"] == "FAILED" and failing["Error"].startswith("ERROR:"), failing
    refused("ResourceNotFoundException", data.get_statement_result, Id=failing["Id"])
    refused("ValidationException", data.cancel_statement, Id=failing["Id"])

    batch = data.batch_execute_statement(
        Sqls=["create schema if not exists mart", "create table mart.t (a int)", "insert into mart.t values (1)",
              "select a from mart.t"], WaitTimeSeconds=30, **CLUSTER)
    assert batch["Status"] == "FINISHED", ended(data, batch["Id"])
    parts = data.describe_statement(Id=batch["Id"])["SubStatements"]
    assert [part["HasResultSet"] for part in parts] == [False, False, False, True], parts
    assert data.get_statement_result(Id=f"{batch['Id']}:4")["Records"] == [[{"longValue": 1}]]
    rolled_back = data.batch_execute_statement(
        Sqls=["insert into mart.t values (2)", "select 1 from mart.absent"], ExecutionMode="TRANSACTION", **CLUSTER)
    described = ended(data, rolled_back["Id"])
    assert described["Status"] == "FAILED" and described["Error"].startswith("Query #2 failed"), described
    kept = data.batch_execute_statement(
        Sqls=["insert into mart.t values (3)", "select 1 from mart.absent", "select count(*) from mart.t"],
        ExecutionMode="AUTO_COMMIT", **CLUSTER)
    described = ended(data, kept["Id"])
    assert [part["Status"] for part in described["SubStatements"]] == ["FINISHED", "FAILED", "FINISHED"], described
    assert data.get_statement_result(Id=f"{kept['Id']}:3")["Records"] == [[{"longValue": 2}]], "2 was rolled back"

    control("redshift-data/plans", {"nameContains": "slow", "runSeconds": 600})
    slow = data.execute_statement(Sql="select 1", StatementName="slow", SessionKeepAliveSeconds=60, **WORKGROUP)
    assert data.describe_statement(Id=slow["Id"])["Status"] in ("SUBMITTED", "PICKED", "STARTED")
    (session,) = data.list_sessions()["Sessions"]
    assert (session["SessionId"], session["Status"]) == (slow["SessionId"], "BUSY"), session
    assert data.cancel_statement(Id=slow["Id"])["Status"] is True
    assert ended(data, slow["Id"])["Status"] == "ABORTED"
    again = data.execute_statement(Sql="select 1", SessionId=slow["SessionId"], WaitTimeSeconds=30)
    assert again["SessionId"] == slow["SessionId"], again

    first = data.execute_statement(Sql="select 1", ClientToken="token", **WORKGROUP)["Id"]
    assert data.execute_statement(Sql="select 1", ClientToken="token", **WORKGROUP)["Id"] == first
    ended(data, first)

    one, other = as_role("one"), as_role("other")
    mine = one.execute_statement(Sql="select 1", WaitTimeSeconds=30, **WORKGROUP)
    assert mine["DbUser"] == "IAMR:one", mine
    assert as_role("one").describe_statement(Id=mine["Id"])["Status"] == "FINISHED"
    for call in (other.describe_statement, other.get_statement_result, other.cancel_statement):
        refused("ResourceNotFoundException", call, Id=mine["Id"])
    assert other.list_statements(Status="ALL")["Statements"] == []
    refused("ValidationException", client("eu-west-1").execute_statement, Sql="select 1", **WORKGROUP)

    pages = list(data.get_paginator("list_statements").paginate(Status="ALL", PaginationConfig={"PageSize": 1}))
    assert len(pages) > 5, f"{len(pages)} pages"
    (named,) = data.list_statements(StatementName="slow", Status="ABORTED")["Statements"]
    assert named["Id"] == slow["Id"], named

    control("redshift-data/settings", {"maxActiveStatements": 0, "pageItems": 100})
    refused("ActiveStatementsExceededException", data.execute_statement, Sql="select 1", **WORKGROUP)
    control("redshift-data/settings", {"maxActiveStatements": 200, "maxActiveSessions": 0})
    refused("ActiveSessionsExceededException", data.execute_statement, Sql="select 1", SessionKeepAliveSeconds=1,
            **WORKGROUP)
    control("redshift-data/settings", {"maxWaitingRequests": 0})
    held = data.execute_statement(Sql="select 1", StatementName="slow", **WORKGROUP)["Id"]
    refused("ActiveWaitingRequestsExceededException", data.describe_statement, Id=held, WaitTimeSeconds=1)

    assert "dev" in data.list_databases(**CLUSTER)["Databases"]
    assert "humanresources" in data.list_schemas(SchemaPattern="human%", **CLUSTER)["Schemas"]
    tables = data.list_tables(SchemaPattern="humanresources", TablePattern="emp%", **CLUSTER)["Tables"]
    assert {table["name"] for table in tables} == {
        "employee", "employeedepartmenthistory", "employeepayhistory"}, tables
    columns = data.describe_table(Schema="humanresources", Table="department", **CLUSTER)["ColumnList"]
    assert columns[0]["name"] == "departmentid", columns

    assert not checker.faults, "\n".join(checker.faults)
    assert checker.operations == COVERED, checker.operations ^ COVERED


main()
