"""The same host in Python over ctypes: host.py LIBRARY CONFIG_JSON CARD_TOKEN"""
import ctypes as c
import json
import sys
from urllib.parse import urlencode

library, config, token = sys.argv[1], sys.argv[2].encode(), sys.argv[3]

class Hook(c.Structure):
    _fields_ = [("struct_size", c.c_size_t), ("name", c.c_char_p), ("audience", c.c_int), ("method", c.c_char_p), ("path", c.c_char_p), ("summary", c.c_char_p)]

class Bytes(c.Structure):
    _fields_ = [("ptr", c.c_void_p), ("len", c.c_size_t)]

Register = c.CFUNCTYPE(None, c.c_void_p, c.POINTER(Hook))

class Host(c.Structure):
    _fields_ = [("struct_size", c.c_size_t), ("abi", c.c_uint32), ("ctx", c.c_void_p), ("register_hook", Register), ("log", c.c_void_p), ("now", c.c_void_p)]

paygent = c.CDLL(library)
paygent.paygent_version.restype = c.c_char_p
hooks = []
register = Register(lambda _, hook: hooks.append(f"{hook[0].name.decode()} {hook[0].method.decode()} {hook[0].path.decode()}"))
host = Host(c.sizeof(Host), paygent.paygent_abi_version(), None, register)
plugin = c.c_void_p()

def finish(status, reply, what):
    answer = c.string_at(reply.ptr, reply.len).decode()
    paygent.paygent_free(c.byref(reply))
    return json.loads(answer) if status == 0 else sys.exit(f"{what}: status {status}, {answer}")

def call(hook, **request):
    name, text, reply = hook.encode(), json.dumps(request).encode(), Bytes()
    status = paygent.paygent_call(plugin, name, c.c_size_t(len(name)), text, c.c_size_t(len(text)), c.byref(reply))
    return finish(status, reply, hook)

def applied(effects):
    call("effects.ack", data={"acks": [{"key": effect["key"], "result": "applied"} for effect in effects]})

opened = Bytes()
finish(paygent.paygent_open(c.byref(host), config, c.c_size_t(len(config)), c.byref(plugin), c.byref(opened)), opened, "open")
print(*(f"hook {hook}" for hook in hooks), f"{len(hooks)} hooks, plugin {paygent.paygent_version().decode()}", sep="\n")
at = "2026-11-24T12:00:00+09:00"
order = {"id": "y1", "number": "Y1", "status": "processing", "amount": 3300, "created_at": at, "updated_at": at}
entered = call("checkout.enter", data={"order": order, "urls": {"complete": "/complete", "back": "/cart"}})
path = "/pay/" + entered["data"]["checkout"]
applied(entered["effects"])
page = call("card.page", method="GET", path=path)
paid = call("card.pay", method="POST", path=path, body=urlencode({"form": page["data"]["form"], "card_token": token}))
print("paid:", paid["data"]["outcome"])
applied(paid["effects"])
staff = {"operator": {"id": "1", "name": "Python"}, "rights": ["view", "capture"]}
listed = call("admin.list", method="GET", path="/payments", **staff)
call("admin.bulk.start", method="POST", path="/payments/bulk", body=urlencode({"operation": "capture", "order": "y1", "csrf": listed["data"]["csrf"]}), **staff)
print("state:", call("payments.state", data={"order_ids": ["y1"]})["data"]["orders"]["y1"]["label"])
paygent.paygent_close(plugin)
