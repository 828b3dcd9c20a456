//! The shop itself: products with stock, a member with points, carts, orders, mails. It knows nothing of Paygent;
//! `effects` is where it does what the plugin asks.
//!
//! Everything stands in one SQLite file, so that several shop processes can work on it and any of them may be killed.

mod cart;
mod effects;
mod orders;
mod schema;

use std::path::{Path, PathBuf};

use chrono::NaiveDateTime;
use diesel::Connection as _;
use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use serde::{Deserialize, Serialize};

pub use cart::{CartLine, Session};
pub use effects::{Applied, Effect, Movement};
pub use orders::{Order, OrderLine, Status};
use schema::{mails, members, products};

use crate::clock;

/// The demo's buyers: made up, every one of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Buyer {
    /// 姓
    pub family_name: String,
    /// 名
    pub given_name: String,
    /// セイ
    pub family_kana: String,
    /// メイ
    pub given_kana: String,
    /// 会社名
    pub company: String,
    /// メールアドレス
    pub email: String,
    /// 電話番号
    pub phone: String,
}

/// A product.
#[derive(Debug, Clone, Queryable, Selectable, Insertable, Serialize)]
#[diesel(table_name = products, check_for_backend(diesel::sqlite::Sqlite))]
pub struct Product {
    /// Its number.
    pub product_id: i32,
    /// Its name in Japanese.
    pub name_ja: String,
    /// Its name in English.
    pub name_en: String,
    /// One character that stands for its picture.
    pub mark: String,
    /// In yen.
    pub price: i64,
    /// Pieces that can be sold.
    pub stock: i32,
}

/// A member of the shop.
#[derive(Debug, Clone, Serialize)]
pub struct Member {
    /// Their number.
    pub member_id: i32,
    /// Who they are.
    pub buyer: Buyer,
    /// Points, worth one yen each.
    pub points: i64,
}

/// A mail that was sent.
#[derive(Debug, Clone, Queryable, Selectable, Insertable, Serialize)]
#[diesel(table_name = mails, check_for_backend(diesel::sqlite::Sqlite))]
pub struct Mail {
    effect_key: String,
    /// The order that it is about.
    pub order_id: String,
    /// To whom.
    pub sent_to: String,
    /// Its subject.
    pub subject: String,
    /// When, UTC.
    pub sent_at: NaiveDateTime,
}

/// The shop's database and clock.
pub struct Shop {
    path: PathBuf,
    clock: clock::Setting,
}

impl Shop {
    /// Opens the shop's file, and fills a new one with goods and a member.
    pub fn open(path: &Path, clock: clock::Setting) -> anyhow::Result<Self> {
        let shop = Self {
            path: path.to_owned(),
            clock,
        };
        shop.write(|rows| {
            rows.batch_execute(include_str!("shop/schema.sql"))?;
            if products::table.count().get_result::<i64>(rows)? == 0 {
                diesel::insert_into(products::table).values(goods()).execute(rows)?;
                let member = serde_json::to_string(&member())?;
                diesel::insert_into(members::table)
                    .values((
                        members::member_id.eq(1),
                        members::buyer.eq(member),
                        members::points.eq(500),
                    ))
                    .execute(rows)?;
            }
            Ok(())
        })?;
        Ok(shop)
    }

    /// The shop's time, UTC.
    pub fn now(&self) -> NaiveDateTime {
        clock::read(&self.clock)
    }

    /// All products.
    pub fn products(&self) -> anyhow::Result<Vec<Product>> {
        self.read(|rows| {
            Ok(products::table
                .order(products::product_id)
                .select(Product::as_select())
                .load(rows)?)
        })
    }

    /// A member.
    pub fn member(&self, id: i32) -> anyhow::Result<Option<Member>> {
        self.read(|rows| {
            let found: Option<(i32, String, i64)> = members::table.find(id).first(rows).optional()?;
            found
                .map(|(member_id, buyer, points)| {
                    Ok(Member {
                        member_id,
                        buyer: serde_json::from_str(&buyer)?,
                        points,
                    })
                })
                .transpose()
        })
    }

    /// All mails, the newest first.
    pub fn mails(&self) -> anyhow::Result<Vec<Mail>> {
        self.read(|rows| {
            Ok(mails::table
                .order(mails::sent_at.desc())
                .select(Mail::as_select())
                .load(rows)?)
        })
    }

    fn read<T>(&self, ask: impl FnOnce(&mut SqliteConnection) -> anyhow::Result<T>) -> anyhow::Result<T> {
        self.connect()?.transaction(ask)
    }

    fn write<T>(&self, change: impl FnOnce(&mut SqliteConnection) -> anyhow::Result<T>) -> anyhow::Result<T> {
        self.connect()?.immediate_transaction(change)
    }

    /// A connection for one question: a demo can afford it, and nothing is carried into a forked child.
    fn connect(&self) -> anyhow::Result<SqliteConnection> {
        let mut connection = SqliteConnection::establish(&self.path.to_string_lossy())?;
        connection.batch_execute(
            "PRAGMA busy_timeout = 10000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;",
        )?;
        Ok(connection)
    }
}

/// The buyer of the guide's figures.
pub fn member() -> Buyer {
    Buyer {
        family_name: "テスト".to_owned(),
        given_name: "会員".to_owned(),
        family_kana: "テスト".to_owned(),
        given_kana: "カイイン".to_owned(),
        company: "見本商事".to_owned(),
        email: "member@example.com".to_owned(),
        phone: "03-0000-1234".to_owned(),
    }
}

fn goods() -> Vec<Product> {
    let product = |product_id, name_ja: &str, name_en: &str, mark: &str, price, stock| Product {
        product_id,
        name_ja: name_ja.to_owned(),
        name_en: name_en.to_owned(),
        mark: mark.to_owned(),
        price,
        stock,
    };
    vec![
        product(1, "湯のみ（藍）", "Tea cup, indigo", "湯", 3_300, 90),
        product(2, "ほうじ茶 100g", "Roasted green tea, 100 g", "茶", 1_542, 50),
        product(3, "風呂敷（麻の葉）", "Wrapping cloth", "布", 2_100, 30),
        product(4, "豆皿 五枚組", "Five small plates", "皿", 3_200, 12),
        product(5, "絵はがき", "Postcard", "絵", 300, 200),
        product(6, "最後の一点の急須", "The last teapot", "急", 9_800, 1),
    ]
}
