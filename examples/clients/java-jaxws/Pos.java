// A day of a POS with JAX-WS: all ten operations of the Integration API (the generated port speaks SOAP 1.1).
//
//   wsimport -keep -XadditionalHeaders -p products https://api.example.com/ProductTasks?wsdl
//   wsimport -keep -XadditionalHeaders -p orders   https://api.example.com/OrderTasks?wsdl
//   javac Pos.java
//   java Pos https://api.example.com STORE USER PASSWORD
//
// -XadditionalHeaders makes the SOAP headers Credentials and RequestId the last two parameters of each method.

import java.io.PrintStream;
import java.math.BigDecimal;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.GregorianCalendar;
import java.util.List;
import java.util.UUID;
import java.util.function.Consumer;
import java.util.function.IntFunction;
import java.util.stream.IntStream;
import javax.xml.datatype.DatatypeFactory;
import javax.xml.datatype.XMLGregorianCalendar;
import javax.xml.ws.soap.SOAPFaultException;
import orders.*;
import products.*;

public class Pos {
    // A text, or a list, that is null is absent (unchanged); "" is an empty text.
    // An optional number, time or boolean is a JAXBElement that the factory makes:
    //   setCost(null)                                  absent     unchanged
    //   setCost(make.createPOSProductCost(null))       xsi:nil    cleared
    //   setCost(make.createPOSProductCost(value))      the value
    static final products.ObjectFactory make = new products.ObjectFactory();
    static final orders.ObjectFactory makeOrders = new orders.ObjectFactory();

    static products.Credentials productsUser;
    static orders.Credentials ordersUser;

    public static void main(String[] args) throws Exception {
        System.setOut(new PrintStream(System.out, true, StandardCharsets.UTF_8));
        System.setErr(new PrintStream(System.err, true, StandardCharsets.UTF_8));
        productsUser = with(new products.Credentials(), c -> {
            c.setStoreId(args[1]);
            c.setUserName(args[2]);
            c.setPassword(args[3]);
        });
        ordersUser = with(new orders.Credentials(), c -> {
            c.setStoreId(args[1]);
            c.setUserName(args[2]);
            c.setPassword(args[3]);
        });
        ProductTasksSoap products = new ProductTasks(new URL(args[0] + "/ProductTasks?wsdl")).getProductTasksSoap();
        OrderTasksSoap orders = new OrderTasks(new URL(args[0] + "/OrderTasks?wsdl")).getOrderTasksSoap();
        pushProducts(products);
        pushInventory(products);
        pushPrices(products);
        String orderId = takeOrders(orders);
        takeTransactions(orders);
        takeCaptures(orders);
        ship(orders, orderId);

        // What concerns the whole call is a fault. Client: do not send it again unchanged. Server: send it again later.
        ordersUser.setPassword("wrong");
        try {
            orders.getNewOrders(null, ordersUser, null);
        } catch (orders.CallFailed fault) {
            say("fault", "Code", fault.getFaultInfo().getErrorCode(), "Message", fault.getFaultInfo().getErrorMessage());
        }
    }

    static void pushProducts(ProductTasksSoap service) throws Exception {
        POSProduct shirt = product("SHIRT-S", p -> {
            p.setStyleId("SHIRT");
            p.setStyleName("Chemise d'été");
            p.setOptions(size("S"));
            p.setName("Chemise d'été – Größe S 👕");
            p.setLongDescription("<p>Coton & lin, 100 % naturel</p>");
            p.setBrand("Müller & Söhne");
            p.setDepartment("Été");
            p.setTags(with(new ArrayOfTag(), tags -> tags.getTag().addAll(List.of("summer", "夏"))));
            p.setPrice(make.createPOSProductPrice(new BigDecimal("49.90")));
            p.setCost(make.createPOSProductCost(new BigDecimal("17.1234")));
            p.setQuantity(make.createPOSProductQuantity(new BigDecimal("12.25")));
            p.setWeight(make.createPOSProductWeight(new BigDecimal("0.3505")));
            p.setWeightUnit(make.createPOSProductWeightUnit(WeightUnit.KG));
            p.setSellOnline(make.createPOSProductSellOnline(true));
        });
        POSProduct medium = product("SHIRT-M", p -> {
            p.setStyleId("SHIRT");
            p.setOptions(size("M"));
            p.setName("Chemise d'été – Größe M");
            p.setPrice(make.createPOSProductPrice(new BigDecimal("49.90")));
        });
        POSProduct withoutPrice = product("BAD-1", p -> p.setName("No price"));
        report("products", push(service, List.of(shirt, medium, withoutPrice)));
        report("products-none", push(service, List.of()));
        report("products-many", push(service, thousand(n -> product(bulkId(n), p -> {
            p.setName("Bulk " + n);
            p.setPrice(make.createPOSProductPrice(BigDecimal.valueOf(n, 2)));
        }))));

        // Absent (Department): unchanged. Empty (Brand): an empty text. createPOSProductCost(null): nil, cleared.
        report("products-again", push(service, List.of(product("SHIRT-S", p -> {
            p.setBrand("");
            p.setCost(make.createPOSProductCost(null));
        }))));
    }

    static products.CallResult push(ProductTasksSoap service, List<POSProduct> items) throws Exception {
        ArrayOfPOSProduct array = new ArrayOfPOSProduct();
        array.getPOSProduct().addAll(items);
        return service.updatePOSProducts(array, null, productsUser, null);
    }

    static POSProduct product(String id, Consumer<POSProduct> fill) {
        return with(new POSProduct(), fill.andThen(p -> p.setItemIntegrationId(id)));
    }

    static products.ArrayOfProductOption size(String value) {
        products.ProductOption option = with(new products.ProductOption(), o -> {
            o.setName("Größe");
            o.setValue(value);
        });
        return with(new products.ArrayOfProductOption(), array -> array.getProductOption().add(option));
    }

    static void pushInventory(ProductTasksSoap service) throws Exception {
        ArrayOfLocationQuantity perLocation = new ArrayOfLocationQuantity();
        perLocation.getLocationQuantity().add(at("MAIN", "5.25"));
        perLocation.getLocationQuantity().add(at("SHOP", "-1"));
        InventoryItem shirt = new InventoryItem();
        shirt.setItemIntegrationId("SHIRT-S");
        shirt.setLocationQuantities(perLocation);
        report("inventory", pushStock(service, List.of(shirt, stock("SHIRT-M", "0"), stock("UNKNOWN", "1"))));
        report("inventory-none", pushStock(service, List.of()));
        report("inventory-many", pushStock(service, thousand(n -> stock(bulkId(n), n + ".125"))));
    }

    static products.CallResult pushStock(ProductTasksSoap service, List<InventoryItem> items) throws Exception {
        ArrayOfInventoryItem array = new ArrayOfInventoryItem();
        array.getInventoryItem().addAll(items);
        return service.updateInventory(array, null, productsUser, null);
    }

    static InventoryItem stock(String id, String quantity) {
        return with(new InventoryItem(), i -> {
            i.setItemIntegrationId(id);
            i.setQuantity(make.createInventoryItemQuantity(new BigDecimal(quantity)));
        });
    }

    static LocationQuantity at(String location, String quantity) {
        return with(new LocationQuantity(), l -> {
            l.setLocationId(location);
            l.setQuantity(make.createLocationQuantityQuantity(new BigDecimal(quantity)));
        });
    }

    static void pushPrices(ProductTasksSoap service) throws Exception {
        PricingItem sale = price("SHIRT-S", "44.9");
        sale.setSalePrice(make.createPricingItemSalePrice(new BigDecimal("39.5050")));
        sale.setSaleStart(make.createPricingItemSaleStart(utc("2030-06-01T06:30:00Z")));
        sale.setSaleEnd(make.createPricingItemSaleEnd(utc("2030-06-30T21:59:59Z")));
        // A RequestId makes a call safe to repeat: after a time-out send the same id and the same content again,
        // and the stored answer comes back (the same CallId), nothing is applied twice.
        products.RequestId requestId = with(new products.RequestId(), r -> r.setValue(UUID.randomUUID().toString()));
        products.CallResult first = pushPrices(service, List.of(sale), requestId);
        report("pricing", first);
        products.CallResult again = pushPrices(service, List.of(sale), requestId);
        say("repeat", "SameCall", first.getCallId().equals(again.getCallId()));
        report("pricing-none", pushPrices(service, List.of(), null));
        report("pricing-many", pushPrices(service, thousand(n -> price(bulkId(n), n + ".99")), null));
    }

    static products.CallResult pushPrices(ProductTasksSoap service, List<PricingItem> items, products.RequestId requestId)
            throws Exception {
        ArrayOfPricingItem array = new ArrayOfPricingItem();
        array.getPricingItem().addAll(items);
        return service.updatePricing(array, null, productsUser, requestId);
    }

    static PricingItem price(String id, String price) {
        return with(new PricingItem(), i -> {
            i.setItemIntegrationId(id);
            i.setPrice(make.createPricingItemPrice(new BigDecimal(price)));
        });
    }

    /** GetNew, store, Confirm, until nothing is left. Reading changes nothing: what is not confirmed comes again. */
    static String takeOrders(OrderTasksSoap service) throws Exception {
        int received = 0;
        int calls = 0;
        String first = null;
        for (boolean more = true; more;) {
            OrdersResult answer = service.getNewOrders(null, ordersUser, null);
            List<Order> found = answer.getOrders() == null ? List.of() : answer.getOrders().getOrder();
            if (found.isEmpty()) break;
            calls++;
            ArrayOfConfirmation confirmations = new ArrayOfConfirmation();
            for (Order order : found) {
                List<OrderLine> lines = order.getLines() == null ? List.of() : order.getLines().getOrderLine();
                if (first == null) {
                    first = order.getOrderId();
                    say("order", "OrderId", order.getOrderId(), "OrderNumber", order.getOrderNumber(),
                        "OrderDate", order.getOrderDate(), "FirstName", order.getCustomer().getFirstName(),
                        "City", order.getShippingAddress().getCity(), "GrandTotal", order.getGrandTotal().toPlainString(),
                        "Lines", lines.size());
                    for (OrderLine line : lines) {
                        say("line", "LineId", line.getLineId(), "Item", line.getItemIntegrationId(),
                            "Name", line.getName(), "Quantity", line.getQuantityOrdered().toPlainString(),
                            "UnitPrice", line.getUnitPrice().toPlainString());
                    }
                }
                // Store the order here, under its OrderId, before it is confirmed.
                Confirmation confirmation = confirmation(order.getOrderId(), "R-" + order.getOrderNumber());
                confirmation.setPosCustomerId("C-4711");
                if (lines.stream().anyMatch(line -> line.getItemIntegrationId().isEmpty())) {
                    confirmation = confirmation(order.getOrderId(), null);
                    confirmation.setSuccess(makeOrders.createConfirmationSuccess(false));
                    confirmation.setErrorMessage("Unbekannter Artikel: Größe?");
                }
                confirmations.getConfirmation().add(confirmation);
            }
            received += found.size();
            report("orders-confirmed", service.confirmOrders(confirmations, null, ordersUser, null));
            more = answer.isMoreAvailable();
        }
        say("orders", "Received", received, "Calls", calls);

        OrdersResult left = service.getNewOrders(10, ordersUser, null);
        say("orders-left", "Received", left.getOrders() == null ? 0 : left.getOrders().getOrder().size());
        // Confirming again does no harm.
        ArrayOfConfirmation once = new ArrayOfConfirmation();
        once.getConfirmation().add(confirmation(first, null));
        orders.CallResult again = service.confirmOrders(once, true, ordersUser, null);
        say("orders-again", "Action", again.getResults().getItemResult().get(0).getAction());
        return first;
    }

    static Confirmation confirmation(String id, String receipt) {
        return with(new Confirmation(), c -> {
            c.setId(id);
            c.setPosReceiptNumber(receipt);
        });
    }

    static void takeTransactions(OrderTasksSoap service) throws Exception {
        TransactionsResult answer = service.getNewTransactions(100, ordersUser, null);
        ArrayOfConfirmation confirmations = new ArrayOfConfirmation();
        if (answer.getTransactions() != null) {
            for (Transaction one : answer.getTransactions().getTransaction()) {
                say("transaction", "TransactionId", one.getTransactionId(), "Type", one.getType(),
                    "TransactionDate", one.getTransactionDate(), "GrandTotal", one.getGrandTotal().toPlainString(),
                    "Lines", one.getLines() == null ? 0 : one.getLines().getTransactionLine().size());
                confirmations.getConfirmation().add(confirmation(one.getTransactionId(), "T-" + one.getTransactionNumber()));
            }
        }
        report("transactions-confirmed", service.confirmTransactions(confirmations, null, ordersUser, null));
    }

    static void takeCaptures(OrderTasksSoap service) throws Exception {
        CapturesResult answer = service.getNewCaptures(100, ordersUser, null);
        ArrayOfConfirmation confirmations = new ArrayOfConfirmation();
        if (answer.getCaptures() != null) {
            for (Capture one : answer.getCaptures().getCapture()) {
                say("capture", "CaptureId", one.getCaptureId(), "Type", one.getType(), "CaptureDate", one.getCaptureDate(),
                    "Amount", one.getAmount().toPlainString(), "Last4", one.getLast4());
                confirmations.getConfirmation().add(confirmation(one.getCaptureId(), null));
            }
        }
        confirmations.getConfirmation().add(confirmation("NO-SUCH-ID", null));
        report("captures-confirmed", service.confirmCaptures(confirmations, null, ordersUser, null));
    }

    static void ship(OrderTasksSoap service, String orderId) throws Exception {
        ShipmentLine line = with(new ShipmentLine(), l -> {
            l.setLineId("1");
            l.setQuantity(BigDecimal.ONE);
        });
        Shipment shipment = new Shipment();
        shipment.setShipmentId("S-1");
        shipment.setOrderId(orderId);
        shipment.setShipDate(makeOrders.createShipmentShipDate(utc("2026-11-24T09:30:00Z")));
        shipment.setCarrier("Österreichische Post");
        shipment.setTrackingNumbers(with(new ArrayOfTrackingNumber(), a -> a.getTrackingNumber().addAll(List.of("1Z-1", "1Z-2"))));
        shipment.setLines(with(new ArrayOfShipmentLine(), a -> a.getShipmentLine().add(line)));
        ArrayOfShipment one = with(new ArrayOfShipment(), a -> a.getShipment().add(shipment));
        report("shipment", service.saveShipments(one, null, ordersUser, null));
        // The same shipment again is a Duplicate; one without lines is refused; the good one counts all the same.
        Shipment empty = new Shipment();
        empty.setShipmentId("S-2");
        empty.setOrderId(orderId);
        one.getShipment().add(empty);
        report("shipment-again", service.saveShipments(one, null, ordersUser, null));
    }

    /** The totals of a call, and each item that it did not take: correct those and send them again. */
    static void report(String topic, products.CallResult result) {
        say(topic, "Received", result.getReceived(), "Applied", result.getApplied(),
            "Unchanged", result.getUnchanged(), "Failed", result.getFailed());
        if (result.getResults() == null) return;
        for (products.ItemResult one : result.getResults().getItemResult()) {
            if (!one.isSuccess()) {
                problem(topic, one.getIndex(), one.getId(), one.getErrorCode(), one.getErrorField(), one.getErrorMessage());
            }
        }
    }

    static void report(String topic, orders.CallResult result) {
        say(topic, "Received", result.getReceived(), "Applied", result.getApplied(),
            "Unchanged", result.getUnchanged(), "Failed", result.getFailed());
        if (result.getResults() == null) return;
        for (orders.ItemResult one : result.getResults().getItemResult()) {
            if (!one.isSuccess()) {
                problem(topic, one.getIndex(), one.getId(), one.getErrorCode(), one.getErrorField(), one.getErrorMessage());
            }
        }
    }

    static void problem(String topic, int index, String id, String code, String field, String message) {
        say("problem", "Call", topic, "Index", index, "Id", id, "Code", code, "Field", field == null ? "" : field);
        System.err.println(message);
    }

    static void say(String topic, Object... pairs) {
        StringBuilder line = new StringBuilder(topic);
        for (int n = 0; n < pairs.length; n += 2) {
            line.append('\t').append(pairs[n]).append('=').append(pairs[n + 1]);
        }
        System.out.println(line);
    }

    static <T> T with(T made, Consumer<T> fill) {
        fill.accept(made);
        return made;
    }

    static <T> List<T> thousand(IntFunction<T> make) {
        return IntStream.rangeClosed(1, 1000).mapToObj(make).toList();
    }

    static String bulkId(int n) {
        return String.format("BULK-%04d", n);
    }

    static XMLGregorianCalendar utc(String moment) throws Exception {
        GregorianCalendar calendar = GregorianCalendar.from(Instant.parse(moment).atZone(ZoneOffset.UTC));
        return DatatypeFactory.newInstance().newXMLGregorianCalendar(calendar);
    }
}
