-- tokend.lua: HAProxy asks tokend about each request. Sets txn.tokend_status (the answer's status, or 503 when
-- there was none) and, for 200, the headers X-Auth-* of the request that goes on.

local URL = "http://127.0.0.1:8080/verify/forwarded"
local IDENTITY = {"x-auth-subject", "x-auth-user", "x-auth-roles", "x-auth-scope", "x-auth-client"}

core.register_action("tokend", {"http-req"}, function(txn)
    local headers = {
        ["x-forwarded-method"] = {txn.f:method()},
        ["x-forwarded-uri"] = {txn.sf:pathq()},
        ["x-forwarded-host"] = {txn.sf:req_hdr("host")},
    }
    -- Every one that came: two of them are tokend's to refuse.
    local given = txn.http:req_get_headers()["authorization"]
    if given then
        headers["authorization"] = {}
        for i = 0, #given do
            table.insert(headers["authorization"], given[i])
        end
    end

    local answer = core.httpclient():get({url = URL, headers = headers, timeout = 2000})
    local status = answer and answer.status or 503
    txn:set_var("txn.tokend_status", tostring(status))
    if status == 200 then
        for _, name in ipairs(IDENTITY) do
            local value = answer.headers[name]
            txn.http:req_set_header(name, value and value[0] or "")
        end
    elseif status == 401 then
        local challenge = answer.headers["www-authenticate"]
        txn:set_var("txn.tokend_challenge", challenge and challenge[0] or "Bearer")
    end
end, 0)
