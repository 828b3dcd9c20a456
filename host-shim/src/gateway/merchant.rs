//! The one shop that has a contract here.

/// What the shop was told when its contract began. All made up: nothing of it opens anything elsewhere.
#[derive(Debug, Clone)]
pub struct Merchant {
    /// マーチャントID.
    pub merchant_id: String,
    /// 接続ID.
    pub connect_id: String,
    /// 接続パスワード.
    pub connect_password: String,
    /// The key of the `hc` that takes the place of a client certificate under `/s/`.
    pub hash_key: String,
    /// The key of the `hc` of notices.
    pub notice_key: String,
    /// The key of the `hc` of 3-D Secure returns.
    pub three_ds_key: String,
    /// The key that the token script sends with a card.
    pub token_key: String,
    /// マーチャントID of the link type.
    pub seq_merchant_id: String,
    /// The key of the `hc` of link requests.
    pub link_key: String,
}

impl Merchant {
    pub(crate) fn of_the_demo() -> Self {
        Self {
            merchant_id: "10001".to_owned(),
            connect_id: "cid".to_owned(),
            connect_password: "cpw".to_owned(),
            hash_key: "HASHKEY".to_owned(),
            notice_key: "simulated_notice_key".to_owned(),
            three_ds_key: "simulated_3ds_key".to_owned(),
            token_key: "simulated_token_key".to_owned(),
            seq_merchant_id: "10001".to_owned(),
            link_key: "simulated_link_key".to_owned(),
        }
    }
}
