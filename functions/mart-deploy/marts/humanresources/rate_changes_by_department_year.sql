/*---
name = "rate_changes_by_department_year"
description = "How many pay rates of current employees changed, by department, year and shift."
owner = "humanresources"
callers = ["invoke", "schedule", "events:humanresources.reports"]
database = "dev"
schema = "humanresources_marts"
# Redshift demands it over external tables.
kind = "late-binding-view"
# A user of the database: it exists once the role has logged in, or CREATE USER has made it.
grants = ["IAMR:HumanResourcesAnalyst"]

[warehouse]
workgroup = "eventide"

[parameters.department]
type = "text"
description = "Only this department."
column = "Department Name"
null = "any"

[parameters.since]
type = "integer"
description = "Only this year and later ones."
column = "Rate Change Year"
comparison = ">="
null = "any"

[delivery]
format = "csv"
prefix = "rates"
row_cap = 100000
---*/
SELECT dep.name AS "Department Name",
extract(year from emp_pay_hist.ratechangedate) AS "Rate Change Year",
shift.name AS "Shift",
COUNT(emp_pay_hist.rate) AS "Rate Changes"
FROM "dev"."humanresources"."department" dep
INNER JOIN "dev"."humanresources"."employeedepartmenthistory" emp_hist
ON dep.departmentid = emp_hist.departmentid
INNER JOIN "dev"."humanresources"."employeepayhistory" emp_pay_hist
ON emp_pay_hist.businessentityid = emp_hist.businessentityid
INNER JOIN "dev"."humanresources"."employee" emp
ON emp_hist.businessentityid = emp.businessentityid
INNER JOIN "dev"."humanresources"."shift" shift
ON emp_hist.shiftid = shift.shiftid
WHERE emp.currentflag = 'true'
GROUP BY dep.name, extract(year from emp_pay_hist.ratechangedate), shift.name
