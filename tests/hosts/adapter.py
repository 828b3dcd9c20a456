"""A host's side of the effects in Python, over SQLite: adapter.py make FOLDER | apply FOLDER | look FOLDER ORDER

The one thing that matters: the effect's key is written in the transaction that moves stock, points and status. A host whose
own functions add and subtract, as most do, needs nothing more than this table. UNGUARDED=1 leaves it out, and loses."""
import json
import os
import sqlite3
import sys

command, folder = sys.argv[1], sys.argv[2]
db = sqlite3.connect(os.path.join(folder, "shop.db"), timeout=10, isolation_level=None)

def make():
    db.executescript("""
        PRAGMA journal_mode = WAL;
        CREATE TABLE orders (id TEXT PRIMARY KEY, status TEXT, pieces INTEGER, used_points INTEGER, last_effect INTEGER);
        CREATE TABLE shop (stock INTEGER, points INTEGER);
        CREATE TABLE mails (order_id TEXT);
        CREATE TABLE effects (effect_key TEXT PRIMARY KEY, answer TEXT);
        INSERT INTO orders VALUES ('1', 'processing', 2, 30, 0);
        INSERT INTO shop VALUES (10, 500);
    """)
    return json.dumps({"order_id": "1", "pieces": 2, "points": 30})

def act(effect, order):
    kind, (pieces, points) = effect["kind"], order
    if kind == "order.pend":
        db.execute("UPDATE shop SET stock = stock - ?, points = points - ?", (pieces, points))
        status = "pending"
    elif kind in ("order.cancel", "order.withdraw"):
        db.execute("UPDATE shop SET stock = stock + ?, points = points + ?", (pieces, points))
        status = "cancelled" if kind == "order.cancel" else "processing"
    elif kind in ("order.place", "order.paid"):
        status = effect["data"]["status"]
    elif kind == "mail.order_placed":
        db.execute("INSERT INTO mails VALUES (?)", (effect["order_id"],))
        return "applied"
    else:
        return "rejected"
    db.execute("UPDATE orders SET status = ? WHERE id = ?", (status, effect["order_id"]))
    return "applied"

def apply(effect):
    guarded = not os.environ.get("UNGUARDED")
    db.execute("BEGIN IMMEDIATE")
    known = db.execute("SELECT answer FROM effects WHERE effect_key = ?", (effect["key"],)).fetchone()
    if guarded and known:
        db.execute("ROLLBACK")
        return "already" if known[0] == "applied" else known[0]
    pieces, points, last = db.execute("SELECT pieces, used_points, last_effect FROM orders WHERE id = ?", (effect["order_id"],)).fetchone()
    if effect["number"] > last + 1:
        db.execute("ROLLBACK")
        return "retry"
    answer = act(effect, (pieces, points))
    db.execute("UPDATE orders SET last_effect = ? WHERE id = ?", (effect["number"], effect["order_id"]))
    db.execute("INSERT OR REPLACE INTO effects VALUES (?, ?)", (effect["key"], answer))
    db.execute("COMMIT")
    return answer

def look(order):
    stock, points = db.execute("SELECT stock, points FROM shop").fetchone()
    status, = db.execute("SELECT status FROM orders WHERE id = ?", (order,)).fetchone()
    mails, = db.execute("SELECT COUNT(*) FROM mails").fetchone()
    return json.dumps({"status": status, "stock": stock, "points": points, "mails": mails})

print(make() if command == "make" else apply(json.load(sys.stdin)) if command == "apply" else look(sys.argv[3]))
