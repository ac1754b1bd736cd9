/*---
name = "pay_history"
description = "Every change of a pay rate between two dates, with the department at that time, oldest first."
owner = "humanresources"
callers = ["invoke", "schedule", "events:humanresources.reports"]
database = "dev"
# No view: the query itself is run for each request.
kind = "query"

[warehouse]
workgroup = "eventide"

[parameters.from_date]
type = "date"
description = "The first day."
default = "2009-01-01"

[parameters.until_date]
type = "date"
description = "The day after the last."

[parameters.department]
type = "text"
description = "Only this department; all of them, if it is null or left out."
null = "null"

[delivery]
format = "parquet"
prefix = "pay"
---*/
SELECT
    pay.businessentityid AS employee,
    dep.name AS department,
    pay.ratechangedate AS changed_at,
    pay.rate AS rate,
    pay.payfrequency AS pay_frequency
FROM "dev"."humanresources"."employeepayhistory" pay
INNER JOIN "dev"."humanresources"."employeedepartmenthistory" emp_hist
    ON emp_hist.businessentityid = pay.businessentityid
    AND emp_hist.startdate <= pay.ratechangedate
    AND (emp_hist.enddate IS NULL OR emp_hist.enddate > pay.ratechangedate)
INNER JOIN "dev"."humanresources"."department" dep ON dep.departmentid = emp_hist.departmentid
WHERE pay.ratechangedate >= :from_date
    AND pay.ratechangedate < :until_date
    AND (:department IS NULL OR dep.name = :department)
ORDER BY pay.ratechangedate, pay.businessentityid
