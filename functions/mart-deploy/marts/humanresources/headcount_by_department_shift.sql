/*---
name = "headcount_by_department_shift"
description = "How many people work in each department and shift now, as of the last refresh."
owner = "humanresources"
callers = ["invoke", "schedule", "events:humanresources.reports"]
database = "dev"
schema = "humanresources_marts"
kind = "materialized-view"
# Every hour from 6 to 20 UTC on workdays.
refresh = "cron(0 6-20 ? * MON-FRI *)"

[warehouse]
workgroup = "eventide"

[parameters.department]
type = "text"
description = "Only this department."
column = "department"
null = "any"

[parameters.shift]
type = "text"
column = "shift"
allowed = ["Day", "Evening", "Night"]
null = "any"

[delivery]
format = "jsonl"
row_cap = 10000
---*/
SELECT
    dep.groupname AS department_group,
    dep.name AS department,
    shift.name AS shift,
    COUNT(emp.businessentityid) AS headcount
FROM "dev"."humanresources"."employeedepartmenthistory" emp_hist
INNER JOIN "dev"."humanresources"."employee" emp ON emp.businessentityid = emp_hist.businessentityid
INNER JOIN "dev"."humanresources"."department" dep ON dep.departmentid = emp_hist.departmentid
INNER JOIN "dev"."humanresources"."shift" shift ON shift.shiftid = emp_hist.shiftid
-- A person's present place has no end.
WHERE emp_hist.enddate IS NULL AND emp.currentflag = 'true'
GROUP BY dep.groupname, dep.name, shift.name
