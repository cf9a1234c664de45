"""What pages and accounts tell beside private messages: known, read, and left aside with a reason."""

# fmt: off
NOT_MESSAGES = {
    **dict.fromkeys(
        (
            "account_linking", "app_roles", "business_integrity", "checkout_update", "game_play", "optin", "payment",
            "payment_pre_checkout", "pre_checkout", "policy_enforcement", "policy-enforcement", "referral", "typing",
            "response_feedback", "send_cart", "customer_information", "optout", "appointment", "call_permission",
        ),
        "not-a-message",
    ),
    **dict.fromkeys(("pass_thread_control", "request_thread_control", "take_thread_control"), "thread-control"),
}
# fmt: on
"""Events of a conversation that nobody wrote, with the reason they are left aside for."""

# fmt: off
FIELDS = {
    "standby": "standby",
    **dict.fromkeys(
        ("comments", "feed", "live_comments", "live_videos", "mention", "mentions", "ratings", "videos"),
        "public-comment",
    ),
    **dict.fromkeys(
        (
            "about", "affiliation", "attire", "awards", "bio", "birthday", "branded_camera", "business_integrity",
            "category", "checkins", "company_overview", "conversations", "culinary_team", "current_location",
            "description", "email", "feature_access_list", "founded", "general_info", "general_manager", "group_feed",
            "hometown", "hours", "inbox_labels", "invoice_access_bank_slip_events", "invoice_access_invoice_change",
            "invoice_access_onboarding_status_active", "leadgen", "leadgen_fat", "local_delivery", "location",
            "mcom_invoice_change", "members", "merchant_review", "mission", "name", "page_about_story",
            "page_change_proposal", "page_upcoming_change", "parking", "payment_options", "personal_info",
            "personal_interests", "phone", "picture", "price_range", "product_review", "products", "public_transit",
            "published", "story_insights", "user_action", "website",
        ),
        "not-a-message",
    ),
}
# fmt: on
"""Fields of a page's or account's webhook that hold no private message, with the reason they are left aside for."""
