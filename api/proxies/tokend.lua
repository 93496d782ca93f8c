-- tokend.lua: HAProxy asks tokend about each request. Sets txn.tokend_status (of tokend's answer; unset when something
-- failed), for 200 the headers X-Auth-* of the request that goes on, and else txn.tokend_challenge.

local URL = "http://127.0.0.1:8080/verify/forwarded"
local TIMEOUT_MS = 1000 -- of each try; HAProxy 2.6 tries up to four times, a second apart when nobody listens
local IDENTITY = {"x-auth-subject", "x-auth-user", "x-auth-roles", "x-auth-scope", "x-auth-client"}

local function question(txn)
    local headers = {
        ["x-forwarded-method"] = {txn.sf:method()},
        ["x-forwarded-uri"] = {txn.sf:pathq()},
        ["x-forwarded-host"] = {txn.sf:req_fhdr("host")},
    }
    -- Every one that came: to refuse two of them is tokend's business.
    local given = txn.http:req_get_headers()["authorization"]
    if given then
        headers["authorization"] = {}
        for i = 0, #given do
            table.insert(headers["authorization"], given[i])
        end
    end
    return headers
end

local function first(headers, name)
    local values = headers and headers[name]
    return values and values[0] or ""
end

core.register_action("tokend", {"http-req"}, function(txn)
    local answer = core.httpclient():get({url = URL, headers = question(txn), timeout = TIMEOUT_MS})
    if answer.status == 200 then
        for _, name in ipairs(IDENTITY) do
            txn.http:req_set_header(name, first(answer.headers, name))
        end
    else
        txn:set_var("txn.tokend_challenge", first(answer.headers, "www-authenticate"))
    end
    -- Last, so that nothing passes of which only a part was done.
    txn:set_var("txn.tokend_status", tostring(answer.status))
end, 0)
