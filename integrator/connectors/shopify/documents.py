# ruff: noqa: E501 - a document is one text
"""Every document that is sent to Shopify. A test validates each against the schema; nothing else makes documents.

Pages and lists are sized by variables: what a request may cost is decided by how much it asks for.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

PAGE = "pageInfo{hasNextPage endCursor}"
MONEY = "{shopMoney{amount}}"
CUSTOM_ID = ("integrator", "pos_id")  # the product's metafield that tells which item or style of the POS it is
ORDER_MARK = ("integrator", "shipments")  # the order's metafield with what the POS shipped

VARIANT_FIELDS = "fragment VariantFields on ProductVariant{id sku barcode title price compareAtPrice inventoryQuantity product{id title status} inventoryItem{id tracked}}"

ADDRESS = "{firstName lastName company address1 address2 city province provinceCode zip country countryCodeV2 phone}"
TAX_LINES = f"taxLines{{title rate priceSet{MONEY}}}"

LINE_FIELDS = (
    "fragment LineFields on LineItem{id sku name quantity currentQuantity unfulfilledQuantity isGiftCard"
    " variant{id product{id} selectedOptions{name value}} customAttributes{key value}"
    f" originalUnitPriceSet{MONEY} originalTotalSet{MONEY} {TAX_LINES}"
    f" discountAllocations{{allocatedAmountSet{MONEY} discountApplication{{... on DiscountCodeApplication{{code}}"
    " ... on AutomaticDiscountApplication{title} ... on ManualDiscountApplication{title}"
    " ... on ScriptDiscountApplication{title}}}}"
)

REFUND_FIELDS = (
    "fragment RefundFields on Refund{id createdAt processedAt note"
    f" totalRefundedSet{MONEY}"
    f" refundLineItems(first:$lines){{{PAGE} nodes{{quantity restockType location{{id}} lineItem{{id}} subtotalSet{MONEY}"
    f" totalTaxSet{MONEY}}}}}"
    f" refundShippingLines(first:2){{nodes{{subtotalAmountSet{MONEY} taxAmountSet{MONEY}}}}}"
    f" transactions(first:2){{nodes{{id kind status gateway formattedGateway amountSet{MONEY}}}}}}}"
)
ORDER_FIELDS = (
    "fragment OrderFields on Order{id legacyResourceId name number createdAt updatedAt processedAt cancelledAt test"
    " email phone note poNumber currencyCode taxesIncluded displayFinancialStatus displayFulfillmentStatus"
    f" totalPriceSet{MONEY} subtotalPriceSet{MONEY} totalTaxSet{MONEY} totalTipReceivedSet{MONEY}"
    f" currentTotalDutiesSet{MONEY} additionalFees{{name price{MONEY}}}"
    " customAttributes{key value}"
    " customer{legacyResourceId firstName lastName defaultEmailAddress{emailAddress} defaultPhoneNumber{phoneNumber}}"
    f" billingAddress{ADDRESS} shippingAddress{ADDRESS} {TAX_LINES}"
    f" shippingLines(first:5){{nodes{{title code discountedPriceSet{MONEY} {TAX_LINES}}}}}"
    f" lineItems(first:$lines){{{PAGE} nodes{{...LineFields}}}}"
    " transactions(first:$transactions){id kind status gateway formattedGateway processedAt createdAt"
    f" amountSet{MONEY} paymentDetails{{... on CardPaymentDetails{{company number}}}}}}"
    " fulfillments(first:$fulfillments){id name status createdAt location{id} trackingInfo{company number url}"
    f" fulfillmentLineItems(first:$lines){{{PAGE} nodes{{quantity lineItem{{id}}}}}}}}"
    f' shipments:metafield(namespace:"{ORDER_MARK[0]}",key:"{ORDER_MARK[1]}"){{value}}}}'
)

DEFINITION = (
    f'metafieldDefinitions(first:1,ownerType:PRODUCT,namespace:"{CUSTOM_ID[0]}",key:"{CUSTOM_ID[1]}"){{nodes{{id}}}}'
)

DOCUMENTS: Mapping[str, str] = {
    # -- the shop
    "scopes": "query Scopes{currentAppInstallation{accessScopes{handle}}}",
    "customer_access": "query CustomerAccess{customers(first:1){nodes{id firstName defaultEmailAddress{emailAddress}}}}",
    "shop": (
        "query Shop{shop{name currencyCode weightUnit myshopifyDomain plan{shopifyPlus publicDisplayName}"
        " resourceLimits{maxProductVariants}} location{id name}"
        f" locations(first:100){{nodes{{id name}}}} {DEFINITION}}}"
    ),
    "define_custom_id": (
        "mutation DefineCustomId($definition:MetafieldDefinitionInput!){metafieldDefinitionCreate(definition:$definition)"
        "{createdDefinition{id} userErrors{code field message}}}"
    ),
    "publications": "query Publications{publications(first:50){nodes{id name catalog{title}}}}",
    # -- finding
    "variants": (
        "query Variants($query:String!,$first:Int!,$after:String){productVariants(first:$first,after:$after,query:$query)"
        f"{{{PAGE} nodes{{...VariantFields}}}}}} {VARIANT_FIELDS}"
    ),
    "listings": (
        "query Listings($query:String,$first:Int!,$after:String,$location:ID!)"
        f"{{productVariants(first:$first,after:$after,query:$query,sortKey:ID){{{PAGE} nodes{{...VariantFields"
        ' stock:inventoryItem{inventoryLevel(locationId:$location){quantities(names:["available"]){quantity}}}}}}'
        f" {VARIANT_FIELDS}"
    ),
    "listings_by_location": (
        "query ListingsByLocation($query:String,$first:Int!,$after:String,$locations:Int!)"
        f"{{productVariants(first:$first,after:$after,query:$query,sortKey:ID){{{PAGE} nodes{{...VariantFields"
        ' stock:inventoryItem{inventoryLevels(first:$locations){nodes{location{id} quantities(names:["available"]){quantity}}}}}}}'
        f" {VARIANT_FIELDS}"
    ),
    "product": (
        "query Product($id:ID!,$first:Int!,$after:String){product(id:$id){id title status options{name}"
        f" variants(first:$first,after:$after){{{PAGE} nodes{{id sku selectedOptions{{name value}} inventoryItem{{id}}}}}}}}}}"
    ),
    "statuses": "query Statuses($ids:[ID!]!){nodes(ids:$ids){... on Product{id status}}}",
    # -- products
    "product_set": (
        "mutation ProductSet($identifier:ProductSetIdentifiers,$input:ProductSetInput!,$variants:Int!,$media:Int!)"
        "{productSet(identifier:$identifier,input:$input,synchronous:true){product{id"
        " variants(first:$variants){nodes{id sku inventoryItem{id}}} media(first:$media){nodes{id}}}"
        " userErrors{code field message}}}"
    ),
    "product_update": (
        "mutation ProductUpdate($product:ProductUpdateInput!,$media:[CreateMediaInput!],$first:Int!)"
        "{productUpdate(product:$product,media:$media){product{id status media(first:$first){nodes{id}}}"
        " userErrors{field message}}}"
    ),
    "media_delete": (
        "mutation MediaDelete($product:ID!,$ids:[ID!]!){productDeleteMedia(productId:$product,mediaIds:$ids)"
        "{deletedMediaIds mediaUserErrors{code field message}}}"
    ),
    "media_reorder": (
        "mutation MediaReorder($product:ID!,$moves:[MoveInput!]!){productReorderMedia(id:$product,moves:$moves)"
        "{job{id} mediaUserErrors{code field message}}}"
    ),
    "variants_create": (
        "mutation VariantsCreate($product:ID!,$variants:[ProductVariantsBulkInput!]!)"
        "{productVariantsBulkCreate(productId:$product,variants:$variants){productVariants{id sku inventoryItem{id}}"
        " userErrors{code field message}}}"
    ),
    "variants_update": (
        "mutation VariantsUpdate($product:ID!,$variants:[ProductVariantsBulkInput!]!)"
        "{productVariantsBulkUpdate(productId:$product,variants:$variants,allowPartialUpdates:true)"
        "{productVariants{id} userErrors{code field message}}}"
    ),
    "publish": (
        "mutation Publish($id:ID!,$input:[PublicationInput!]!){publishablePublish(id:$id,input:$input)"
        "{userErrors{field message}}}"
    ),
    "unpublish": (
        "mutation Unpublish($id:ID!,$input:[PublicationInput!]!){publishableUnpublish(id:$id,input:$input)"
        "{userErrors{field message}}}"
    ),
    "collections": (
        "query Collections($query:String!){collections(first:25,query:$query){nodes{id title ruleSet{appliedDisjunctively}}}}"
    ),
    "collection_create": (
        "mutation CollectionCreate($input:CollectionInput!){collectionCreate(input:$input)"
        "{collection{id} userErrors{field message}}}"
    ),
    # -- stock
    "stock": (
        "mutation Stock($input:InventorySetQuantitiesInput!,$key:String!)"
        "{inventorySetQuantities(input:$input)@idempotent(key:$key){inventoryAdjustmentGroup{id}"
        " userErrors{code field message}}}"
    ),
    "levels": (
        "query Levels($ids:[ID!]!,$locations:Int!){nodes(ids:$ids){... on InventoryItem{id tracked"
        ' inventoryLevels(first:$locations){nodes{location{id} quantities(names:["available"]){quantity updatedAt}}}}}}'
    ),
    # -- bulk operations
    "staged_upload": (
        "mutation StagedUpload($input:[StagedUploadInput!]!){stagedUploadsCreate(input:$input)"
        "{stagedTargets{url resourceUrl parameters{name value}} userErrors{field message}}}"
    ),
    "bulk_run": (
        "mutation BulkRun($mutation:String!,$path:String!){bulkOperationRunMutation(mutation:$mutation,stagedUploadPath:$path)"
        "{bulkOperation{id status} userErrors{code field message}}}"
    ),
    "bulk_status": "query BulkStatus($id:ID!){bulkOperation(id:$id){id status errorCode objectCount url partialDataUrl}}",
    # -- orders
    "orders": (
        "query Orders($query:String,$first:Int!,$after:String)"
        f"{{orders(first:$first,after:$after,query:$query,sortKey:UPDATED_AT){{{PAGE} nodes{{id name updatedAt"
        " fulfillmentsCount{count} transactionsCount{count} refunds(first:1){id}}}}"
    ),
    "orders_by_id": (
        "query OrdersById($ids:[ID!]!,$lines:Int!,$transactions:Int!,$fulfillments:Int!)"
        f"{{nodes(ids:$ids){{...OrderFields}}}} {ORDER_FIELDS} {LINE_FIELDS}"
    ),
    "order_header": (
        "query OrderHeader($id:ID!){order(id:$id){id name updatedAt fulfillmentsCount{count} transactionsCount{count}"
        " refunds(first:1){id}}}"
    ),
    "order_refunds": (
        "query OrderRefunds($id:ID!,$first:Int!,$lines:Int!)"
        f"{{order(id:$id){{refunds(first:$first){{...RefundFields}}}}}} {REFUND_FIELDS}"
    ),
    "refund_ids": "query RefundIds($id:ID!){order(id:$id){refunds(first:250){id}}}",
    "refund": f"query Refund($id:ID!,$lines:Int!){{refund(id:$id){{...RefundFields}}}} {REFUND_FIELDS}",
    "order_lines": (
        "query OrderLines($id:ID!,$first:Int!,$after:String)"
        f"{{order(id:$id){{lineItems(first:$first,after:$after){{{PAGE} nodes{{...LineFields}}}}}}}} {LINE_FIELDS}"
    ),
    "fulfillment_lines": (
        "query FulfillmentLines($id:ID!,$first:Int!,$after:String){fulfillment(id:$id)"
        f"{{fulfillmentLineItems(first:$first,after:$after){{{PAGE} nodes{{quantity lineItem{{id}}}}}}}}}}"
    ),
    "refund_lines": (
        "query RefundLines($id:ID!,$first:Int!,$after:String){refund(id:$id)"
        f"{{refundLineItems(first:$first,after:$after){{{PAGE} nodes{{quantity restockType location{{id}} lineItem{{id}}"
        f" subtotalSet{MONEY} totalTaxSet{MONEY}}}}}}}}}"
    ),
    # -- shipments and money
    "to_ship": (
        "query ToShip($id:ID!,$first:Int!,$lines:Int!){order(id:$id){id name cancelledAt displayFinancialStatus"
        f' shipments:metafield(namespace:"{ORDER_MARK[0]}",key:"{ORDER_MARK[1]}"){{value}}'
        " fulfillments(first:$first){id status createdAt trackingInfo{number}"
        f" fulfillmentLineItems(first:$lines){{nodes{{quantity lineItem{{id}}}}}}}}"
        f" fulfillmentOrders(first:$first){{{PAGE} nodes{{id status supportedActions{{action}} assignedLocation{{location{{id}}}}"
        f" lineItems(first:$lines){{{PAGE} nodes{{id remainingQuantity lineItem{{id}}}}}}}}}}}}}}"
    ),
    "mark_order": (
        "mutation MarkOrder($metafields:[MetafieldsSetInput!]!){metafieldsSet(metafields:$metafields)"
        "{metafields{id} userErrors{code field message}}}"
    ),
    "fulfil": (
        "mutation Fulfil($fulfillment:FulfillmentInput!){fulfillmentCreate(fulfillment:$fulfillment)"
        "{fulfillment{id status} userErrors{field message}}}"
    ),
    "to_capture": (
        "query ToCapture($id:ID!){order(id:$id){id name currencyCode presentmentCurrencyCode capturable displayFinancialStatus"
        " totalCapturableSet{shopMoney{amount} presentmentMoney{amount}} totalPriceSet{shopMoney{amount} presentmentMoney{amount}}"
        " transactions(first:50){id kind status authorizationExpiresAt manuallyCapturable multiCapturable"
        " amountSet{presentmentMoney{amount}} totalUnsettledSet{presentmentMoney{amount}} parentTransaction{id}}}}"
    ),
    "capture": (
        "mutation Capture($input:OrderCaptureInput!){orderCapture(input:$input){transaction{id status}"
        " userErrors{field message}}}"
    ),
    # -- webhooks
    "webhooks": (
        "query Webhooks($after:String){webhookSubscriptions(first:100,after:$after)"
        f"{{{PAGE} nodes{{id topic uri format includeFields}}}}}}"
    ),
    "webhook_create": (
        "mutation WebhookCreate($topic:WebhookSubscriptionTopic!,$webhook:WebhookSubscriptionInput!)"
        "{webhookSubscriptionCreate(topic:$topic,webhookSubscription:$webhook)"
        "{webhookSubscription{id} userErrors{field message}}}"
    ),
    "webhook_update": (
        "mutation WebhookUpdate($id:ID!,$webhook:WebhookSubscriptionInput!)"
        "{webhookSubscriptionUpdate(id:$id,webhookSubscription:$webhook){webhookSubscription{id} userErrors{field message}}}"
    ),
    "webhook_delete": (
        "mutation WebhookDelete($id:ID!){webhookSubscriptionDelete(id:$id){deletedWebhookSubscriptionId"
        " userErrors{field message}}}"
    ),
}

# What a bulk operation runs for each line of its file: the same mutations, with less asked of the answer.
BULK_PRODUCT_SET = (
    "mutation BulkProductSet($identifier:ProductSetIdentifiers,$input:ProductSetInput!)"
    "{productSet(identifier:$identifier,input:$input,synchronous:true){product{id"
    " variants(first:250){nodes{id sku inventoryItem{id}}} media(first:50){nodes{id}}} userErrors{code field message}}}"
)
BULK_VARIANTS_UPDATE = DOCUMENTS["variants_update"]


@cache
def by_custom_id(count: int) -> str:
    """Looks for `count` products at once, by the ids of the POS that they carry."""
    variables = ",".join(f"$i{n}:ProductIdentifierInput!" for n in range(count))
    fields = " ".join(f"p{n}:productByIdentifier(identifier:$i{n}){{id}}" for n in range(count))
    return f"query ByCustomId({variables}){{{fields}}}"


def everything() -> dict[str, str]:
    """All documents by name, for whoever wants to validate them against a schema."""
    return {
        **DOCUMENTS,
        "bulk_product_set": BULK_PRODUCT_SET,
        "by_custom_id(1)": by_custom_id(1),
        "by_custom_id(25)": by_custom_id(25),
    }
