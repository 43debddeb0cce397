// A day of a POS with gSOAP: all ten operations of the Integration API.
//
//   wsdl2h -o pos.h 'https://api.example.com/ProductTasks?wsdl' 'https://api.example.com/OrderTasks?wsdl'
//   soapcpp2 -1 -C -j -I/usr/share/gsoap/import pos.h               (-2 for SOAP 1.2)
//   g++ -o pos pos.cpp soapC.cpp soapProductTasksSoapProxy.cpp -lgsoap++
//   ./pos https://api.example.com STORE USER PASSWORD               (https: build with -DWITH_OPENSSL, -lgsoapssl++)
//
// gSOAP puts all ten operations into one proxy class; make one object for each of the two addresses.
#include <cstdio>
#include <ctime>
#include <functional>
#include <iostream>
#include <string>
#include <vector>

#include "ProductTasksSoap.nsmap"
#include "soapProductTasksSoapProxy.h"

using std::string;
using std::vector;

// What is optional is a pointer: NULL is absent (unchanged). A text "" is an empty text. gSOAP cannot say nil (cleared);
// SalePrice 0 clears the sale. Amounts are text, so that no floating point comes between.

static string *text(soap *context, const string &value) {
    string *made = soap_new_std__string(context);
    *made = value;
    return made;
}

static string *decimal(soap *context, const string &value) { return text(context, value); }

template <class T> static T *optional(soap *context, T value) {
    T *made = static_cast<T *>(soap_malloc(context, sizeof(T)));
    *made = value;
    return made;
}

static string utc(time_t moment) {
    char buffer[32];
    std::strftime(buffer, sizeof buffer, "%Y-%m-%dT%H:%M:%SZ", std::gmtime(&moment));
    return buffer;
}

static time_t at(int year, int month, int day, int hour, int minute, int second) {
    std::tm parts{};
    parts.tm_year = year - 1900, parts.tm_mon = month - 1, parts.tm_mday = day;
    parts.tm_hour = hour, parts.tm_min = minute, parts.tm_sec = second;
    return timegm(&parts);
}

static string given(const string *value) { return value ? *value : ""; }

static string bulk_id(int n) {
    char buffer[16];
    std::snprintf(buffer, sizeof buffer, "BULK-%04d", n);
    return buffer;
}

// A proxy with the credentials in every call, as a SOAP header.
struct Service {
    ProductTasksSoapProxy proxy{SOAP_C_UTFSTRING};  // std::string is UTF-8
    string url, store, user, password;

    Service(const string &url, const string &store, const string &user, const string &password)
        : url(url), store(store), user(user), password(password) {
        proxy.soap_endpoint = this->url.c_str();
        proxy.soap->recv_timeout = proxy.soap->send_timeout = 300;
    }

    soap *context() { return proxy.soap; }

    // Before each call: gSOAP forgets the header with each answer.
    void headers(const string &request_id = "") {
        auto *credentials = soap_new_ns1__Credentials(context());
        credentials->StoreId = store, credentials->UserName = user, credentials->Password = password;
        ns1__RequestId *id = nullptr;
        if (!request_id.empty()) {
            id = soap_new_ns1__RequestId(context());
            id->__item = request_id;
        }
        proxy.soap_header(credentials, id);
    }

    // Ends the program on a fault; a real POS looks at the fault code: Client = do not repeat, Server = later again.
    void check(int error) {
        if (error == SOAP_OK) return;
        proxy.soap_stream_fault(std::cerr);
        std::exit(1);
    }
};

// The totals of a call, and each item that it did not take: correct those and send them again.
static void report(const string &topic, const ns1__CallResult *result) {
    std::cout << topic << "\tReceived=" << result->Received << "\tApplied=" << result->Applied
              << "\tUnchanged=" << result->Unchanged << "\tFailed=" << result->Failed << "\n";
    if (!result->Results) return;
    for (const auto *one : result->Results->ItemResult) {
        if (one->Success) continue;
        std::cout << "problem\tCall=" << topic << "\tIndex=" << one->Index << "\tId=" << one->Id
                  << "\tCode=" << given(one->ErrorCode) << "\tField=" << given(one->ErrorField) << "\n";
        std::cerr << given(one->ErrorMessage) << " " << given(one->ErrorHint) << "\n";
    }
}

static ns1__ArrayOfProductOption *size(soap *context, const string &value) {
    auto *option = soap_new_ns1__ProductOption(context);
    option->Name = "Größe", option->Value = value;
    auto *options = soap_new_ns1__ArrayOfProductOption(context);
    options->ProductOption.push_back(option);
    return options;
}

static ns1__POSProduct *product(soap *context, const string &id, const string &name, const string &price) {
    auto *made = soap_new_ns1__POSProduct(context);
    made->ItemIntegrationId = id;
    made->Name = name.empty() ? nullptr : text(context, name);
    made->Price = price.empty() ? nullptr : decimal(context, price);
    return made;
}

static void push(Service &service, const string &topic, const vector<ns1__POSProduct *> &products) {
    _ns1__UpdatePOSProducts request;
    request.Products = soap_new_ns1__ArrayOfPOSProduct(service.context());
    request.Products->POSProduct = products;
    _ns1__UpdatePOSProductsResponse answer;
    service.headers();
    service.check(service.proxy.UpdatePOSProducts(&request, answer));
    report(topic, answer.UpdatePOSProductsResult);
    service.proxy.destroy();
}

static void push_products(Service &service) {
    soap *context = service.context();
    auto *shirt = product(context, "SHIRT-S", "Chemise d'été – Größe S 👕", "49.90");
    shirt->StyleId = text(context, "SHIRT");
    shirt->StyleName = text(context, "Chemise d'été");
    shirt->Options = size(context, "S");
    shirt->LongDescription = text(context, "<p>Coton & lin, 100 % naturel</p>");
    shirt->Brand = text(context, "Müller & Söhne");
    shirt->Department = text(context, "Été");
    shirt->Tags = soap_new_ns1__ArrayOfTag(context);
    shirt->Tags->Tag = {"summer", "夏"};
    shirt->Cost = decimal(context, "17.1234");
    shirt->Quantity = decimal(context, "12.25");
    shirt->Weight = decimal(context, "0.3505");
    shirt->WeightUnit = optional(context, ns1__WeightUnit__kg);
    shirt->SellOnline = optional(context, true);
    auto *medium = product(context, "SHIRT-M", "Chemise d'été – Größe M", "49.90");
    medium->StyleId = text(context, "SHIRT");
    medium->Options = size(context, "M");
    push(service, "products", {shirt, medium, product(context, "BAD-1", "No price", "")});
    push(service, "products-none", {});

    vector<ns1__POSProduct *> many;
    for (int n = 1; n <= 1000; n++) {
        char price[16];
        std::snprintf(price, sizeof price, "%d.%02d", n / 100, n % 100);
        many.push_back(product(context, bulk_id(n), "Bulk " + std::to_string(n), price));
    }
    push(service, "products-many", many);

    // Absent (Department): unchanged. Empty (Brand): an empty text.
    auto *change = product(context, "SHIRT-S", "", "");
    change->Brand = text(context, "");
    push(service, "products-again", {change});
}

static ns1__InventoryItem *stock(soap *context, const string &id, const string &quantity) {
    auto *made = soap_new_ns1__InventoryItem(context);
    made->ItemIntegrationId = id;
    made->Quantity = quantity.empty() ? nullptr : decimal(context, quantity);
    return made;
}

static void push(Service &service, const string &topic, const vector<ns1__InventoryItem *> &items) {
    _ns1__UpdateInventory request;
    request.Items = soap_new_ns1__ArrayOfInventoryItem(service.context());
    request.Items->InventoryItem = items;
    _ns1__UpdateInventoryResponse answer;
    service.headers();
    service.check(service.proxy.UpdateInventory(&request, answer));
    report(topic, answer.UpdateInventoryResult);
    service.proxy.destroy();
}

static void push_inventory(Service &service) {
    soap *context = service.context();
    auto *shirt = stock(context, "SHIRT-S", "");
    shirt->LocationQuantities = soap_new_ns1__ArrayOfLocationQuantity(context);
    for (const auto &[location, quantity] : {std::pair("MAIN", "5.25"), std::pair("SHOP", "-1")}) {
        auto *one = soap_new_ns1__LocationQuantity(context);
        one->LocationId = location;
        one->Quantity = decimal(context, quantity);
        shirt->LocationQuantities->LocationQuantity.push_back(one);
    }
    push(service, "inventory", {shirt, stock(context, "SHIRT-M", "0"), stock(context, "UNKNOWN", "1")});
    push(service, "inventory-none", vector<ns1__InventoryItem *>{});
    vector<ns1__InventoryItem *> many;
    for (int n = 1; n <= 1000; n++) many.push_back(stock(context, bulk_id(n), std::to_string(n) + ".125"));
    push(service, "inventory-many", many);
}

static ns1__PricingItem *price(soap *context, const string &id, const string &amount) {
    auto *made = soap_new_ns1__PricingItem(context);
    made->ItemIntegrationId = id;
    made->Price = decimal(context, amount);
    return made;
}

static string push(Service &service, const string &topic, const vector<ns1__PricingItem *> &items, const string &request_id = "") {
    _ns1__UpdatePricing request;
    request.Items = soap_new_ns1__ArrayOfPricingItem(service.context());
    request.Items->PricingItem = items;
    _ns1__UpdatePricingResponse answer;
    service.headers(request_id);
    service.check(service.proxy.UpdatePricing(&request, answer));
    if (!topic.empty()) report(topic, answer.UpdatePricingResult);
    return answer.UpdatePricingResult->CallId;
}

static void push_prices(Service &service) {
    soap *context = service.context();
    auto *sale = price(context, "SHIRT-S", "44.9");
    sale->SalePrice = decimal(context, "39.5050");
    sale->SaleStart = optional(context, at(2030, 6, 1, 6, 30, 0));
    sale->SaleEnd = optional(context, at(2030, 6, 30, 21, 59, 59));
    // A RequestId makes a call safe to repeat: after a time-out send the same id and the same content again,
    // and the stored answer comes back (the same CallId), nothing is applied twice.
    const string request_id = "cpp-" + std::to_string(std::time(nullptr));
    const string first = push(service, "pricing", {sale}, request_id);
    const string again = push(service, "", {sale}, request_id);
    std::cout << "repeat\tSameCall=" << (first == again ? "true" : "false") << "\n";
    push(service, "pricing-none", vector<ns1__PricingItem *>{});
    vector<ns1__PricingItem *> many;
    for (int n = 1; n <= 1000; n++) many.push_back(price(context, bulk_id(n), std::to_string(n) + ".99"));
    push(service, "pricing-many", many);
    service.proxy.destroy();
}

static ns1__Confirmation *confirmation(soap *context, const string &id, const string &receipt) {
    auto *made = soap_new_ns1__Confirmation(context);
    made->Id = id;
    made->PosReceiptNumber = receipt.empty() ? nullptr : text(context, receipt);
    return made;
}

// GetNew, store, Confirm, until nothing is left. Reading changes nothing: what is not confirmed comes again.
static string take_orders(Service &service) {
    soap *context = service.context();
    int received = 0, calls = 0;
    string first;
    for (bool more = true; more;) {
        _ns1__GetNewOrders request;
        _ns1__GetNewOrdersResponse answer;
        service.headers();
        service.check(service.proxy.GetNewOrders(&request, answer));
        const auto *page = answer.GetNewOrdersResult;
        if (!page->Orders || page->Orders->Order.empty()) break;
        calls++;
        _ns1__ConfirmOrders confirm;
        confirm.Confirmations = soap_new_ns1__ArrayOfConfirmation(context);
        for (const auto *order : page->Orders->Order) {
            const auto lines = order->Lines ? order->Lines->OrderLine : vector<ns1__OrderLine *>{};
            if (first.empty()) {
                first = order->OrderId;
                std::cout << "order\tOrderId=" << order->OrderId << "\tOrderNumber=" << order->OrderNumber
                          << "\tOrderDate=" << utc(order->OrderDate) << "\tFirstName=" << given(order->Customer->FirstName)
                          << "\tCity=" << given(order->ShippingAddress->City) << "\tGrandTotal=" << order->GrandTotal
                          << "\tLines=" << lines.size() << "\n";
                for (const auto *line : lines)
                    std::cout << "line\tLineId=" << line->LineId << "\tItem=" << line->ItemIntegrationId
                              << "\tName=" << given(line->Name) << "\tQuantity=" << line->QuantityOrdered
                              << "\tUnitPrice=" << line->UnitPrice << "\n";
            }
            // Store the order here, under its OrderId, before it is confirmed.
            auto *answered = confirmation(context, order->OrderId, "R-" + order->OrderNumber);
            answered->PosCustomerId = text(context, "C-4711");
            for (const auto *line : lines) {
                if (!line->ItemIntegrationId.empty()) continue;
                answered = confirmation(context, order->OrderId, "");
                answered->Success = optional(context, false);
                answered->ErrorMessage = text(context, "Unbekannter Artikel: Größe?");
            }
            confirm.Confirmations->Confirmation.push_back(answered);
        }
        received += page->Orders->Order.size();
        more = page->MoreAvailable;
        _ns1__ConfirmOrdersResponse confirmed;
        service.headers();
        service.check(service.proxy.ConfirmOrders(&confirm, confirmed));
        report("orders-confirmed", confirmed.ConfirmOrdersResult);
        service.proxy.destroy();
    }
    std::cout << "orders\tReceived=" << received << "\tCalls=" << calls << "\n";

    _ns1__GetNewOrders request;
    request.MaxRecords = optional(context, 10);
    _ns1__GetNewOrdersResponse left;
    service.headers();
    service.check(service.proxy.GetNewOrders(&request, left));
    const auto *orders = left.GetNewOrdersResult->Orders;
    std::cout << "orders-left\tReceived=" << (orders ? orders->Order.size() : 0) << "\n";
    // Confirming again does no harm.
    _ns1__ConfirmOrders once;
    once.Confirmations = soap_new_ns1__ArrayOfConfirmation(context);
    once.Confirmations->Confirmation.push_back(confirmation(context, first, ""));
    once.ReturnAllResults = optional(context, true);
    _ns1__ConfirmOrdersResponse again;
    service.headers();
    service.check(service.proxy.ConfirmOrders(&once, again));
    std::cout << "orders-again\tAction=" << given(again.ConfirmOrdersResult->Results->ItemResult.at(0)->Action) << "\n";
    service.proxy.destroy();
    return first;
}

static void take_transactions(Service &service) {
    soap *context = service.context();
    _ns1__GetNewTransactions request;
    request.MaxRecords = optional(context, 100);
    _ns1__GetNewTransactionsResponse answer;
    service.headers();
    service.check(service.proxy.GetNewTransactions(&request, answer));
    _ns1__ConfirmTransactions confirm;
    confirm.Confirmations = soap_new_ns1__ArrayOfConfirmation(context);
    if (answer.GetNewTransactionsResult->Transactions) {
        for (const auto *one : answer.GetNewTransactionsResult->Transactions->Transaction) {
            std::cout << "transaction\tTransactionId=" << one->TransactionId << "\tType=" << one->Type
                      << "\tTransactionDate=" << utc(one->TransactionDate) << "\tGrandTotal=" << one->GrandTotal
                      << "\tLines=" << (one->Lines ? one->Lines->TransactionLine.size() : 0) << "\n";
            confirm.Confirmations->Confirmation.push_back(
                confirmation(context, one->TransactionId, "T-" + given(one->TransactionNumber)));
        }
    }
    _ns1__ConfirmTransactionsResponse confirmed;
    service.headers();
    service.check(service.proxy.ConfirmTransactions(&confirm, confirmed));
    report("transactions-confirmed", confirmed.ConfirmTransactionsResult);
    service.proxy.destroy();
}

static void take_captures(Service &service) {
    soap *context = service.context();
    _ns1__GetNewCaptures request;
    request.MaxRecords = optional(context, 100);
    _ns1__GetNewCapturesResponse answer;
    service.headers();
    service.check(service.proxy.GetNewCaptures(&request, answer));
    _ns1__ConfirmCaptures confirm;
    confirm.Confirmations = soap_new_ns1__ArrayOfConfirmation(context);
    if (answer.GetNewCapturesResult->Captures) {
        for (const auto *one : answer.GetNewCapturesResult->Captures->Capture) {
            std::cout << "capture\tCaptureId=" << one->CaptureId << "\tType=" << one->Type
                      << "\tCaptureDate=" << utc(one->CaptureDate) << "\tAmount=" << one->Amount
                      << "\tLast4=" << given(one->Last4) << "\n";
            confirm.Confirmations->Confirmation.push_back(confirmation(context, one->CaptureId, ""));
        }
    }
    confirm.Confirmations->Confirmation.push_back(confirmation(context, "NO-SUCH-ID", ""));
    _ns1__ConfirmCapturesResponse confirmed;
    service.headers();
    service.check(service.proxy.ConfirmCaptures(&confirm, confirmed));
    report("captures-confirmed", confirmed.ConfirmCapturesResult);
    service.proxy.destroy();
}

static void ship(Service &service, const string &order_id) {
    soap *context = service.context();
    auto *line = soap_new_ns1__ShipmentLine(context);
    line->LineId = text(context, "1");
    line->Quantity = "1";
    auto *shipment = soap_new_ns1__Shipment(context);
    shipment->ShipmentId = "S-1";
    shipment->OrderId = text(context, order_id);
    shipment->ShipDate = optional(context, at(2026, 11, 24, 9, 30, 0));
    shipment->Carrier = text(context, "Österreichische Post");
    shipment->TrackingNumbers = soap_new_ns1__ArrayOfTrackingNumber(context);
    shipment->TrackingNumbers->TrackingNumber = {"1Z-1", "1Z-2"};
    shipment->Lines = soap_new_ns1__ArrayOfShipmentLine(context);
    shipment->Lines->ShipmentLine.push_back(line);
    // The same shipment again is a Duplicate; one without lines is refused; the good one counts all the same.
    auto *empty = soap_new_ns1__Shipment(context);
    empty->ShipmentId = "S-2";
    empty->OrderId = text(context, order_id);
    _ns1__SaveShipments request;
    request.Shipments = soap_new_ns1__ArrayOfShipment(context);
    for (const auto &[topic, added] : {std::pair("shipment", shipment), std::pair("shipment-again", empty)}) {
        request.Shipments->Shipment.push_back(added);
        _ns1__SaveShipmentsResponse answer;
        service.headers();
        service.check(service.proxy.SaveShipments(&request, answer));
        report(topic, answer.SaveShipmentsResult);
    }
    service.proxy.destroy();
}

int main(int, char **argv) {
    const string base = argv[1];
    Service products(base + "/ProductTasks", argv[2], argv[3], argv[4]);
    Service orders(base + "/OrderTasks", argv[2], argv[3], argv[4]);
    push_products(products);
    push_inventory(products);
    push_prices(products);
    const string order_id = take_orders(orders);
    take_transactions(orders);
    take_captures(orders);
    ship(orders, order_id);

    // What concerns the whole call is a fault. Client: do not send it again unchanged. Server: send it again later.
    orders.password = "wrong";
    _ns1__GetNewOrders request;
    _ns1__GetNewOrdersResponse answer;
    orders.headers();
    if (orders.proxy.GetNewOrders(&request, answer) != SOAP_OK) {
        soap_set_fault(orders.context());
        std::cout << "fault\tCode=" << *soap_faultcode(orders.context())
                  << "\tMessage=" << orders.proxy.soap_fault_string() << "\n";
    }
    return 0;
}
