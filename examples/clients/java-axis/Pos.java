// A day of a POS with Axis 1.4: all ten operations of the Integration API (the generated stub speaks SOAP 1.1).
//
//   java org.apache.axis.wsdl.WSDL2Java -p products https://api.example.com/ProductTasks?wsdl
//   java org.apache.axis.wsdl.WSDL2Java -p orders   https://api.example.com/OrderTasks?wsdl
//   javac Pos.java
//   java Pos https://api.example.com STORE USER PASSWORD

import java.io.PrintStream;
import java.math.BigDecimal;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Calendar;
import java.util.List;
import java.util.TimeZone;
import java.util.UUID;
import javax.xml.soap.SOAPException;
import orders.*;
import org.apache.axis.client.Stub;
import org.apache.axis.message.SOAPHeaderElement;
import products.*;

public class Pos {
    static final String NS = "urn:integrator:v1";

    // What is null is absent (unchanged); "" is an empty text. Axis 1.4 cannot say nil (cleared) for a number, a time
    // or a boolean; SalePrice 0 clears the sale. Characters beyond U+FFFF (emoji) are broken by Axis 1.4 itself.

    public static void main(String[] args) throws Exception {
        System.setOut(new PrintStream(System.out, true, StandardCharsets.UTF_8));
        System.setErr(new PrintStream(System.err, true, StandardCharsets.UTF_8));
        ProductTasksSoap_PortType products = new ProductTasksLocator().getProductTasksSoap(new URL(args[0] + "/ProductTasks"));
        OrderTasksSoap_PortType orders = new OrderTasksLocator().getOrderTasksSoap(new URL(args[0] + "/OrderTasks"));
        headers(products, args[1], args[2], args[3], null);
        headers(orders, args[1], args[2], args[3], null);
        pushProducts(products);
        pushInventory(products);

        // A RequestId makes a call safe to repeat: after a time-out send the same id and the same content again,
        // and the stored answer comes back (the same CallId), nothing is applied twice.
        headers(products, args[1], args[2], args[3], UUID.randomUUID().toString());
        pushSale(products);
        headers(products, args[1], args[2], args[3], null);
        pushPrices(products);

        String orderId = takeOrders(orders);
        takeTransactions(orders);
        takeCaptures(orders);
        ship(orders, orderId);

        // What concerns the whole call is a fault. Client: do not send it again unchanged. Server: send it again later.
        headers(orders, args[1], args[2], "wrong", null);
        try {
            orders.getNewOrders(null);
        } catch (orders.CallFault fault) {
            say("fault", "Code", fault.getFaultCode().getLocalPart(), "Message", fault.getErrorMessage());
        }
    }

    /** The SOAP headers of every call from now on. */
    static void headers(Object port, String store, String user, String password, String requestId) throws SOAPException {
        Stub stub = (Stub) port;
        stub.clearHeaders();
        SOAPHeaderElement credentials = new SOAPHeaderElement(NS, "Credentials");
        credentials.addChildElement("StoreId", "", NS).addTextNode(store);
        credentials.addChildElement("UserName", "", NS).addTextNode(user);
        credentials.addChildElement("Password", "", NS).addTextNode(password);
        stub.setHeader(credentials);
        if (requestId != null) {
            stub.setHeader(new SOAPHeaderElement(NS, "RequestId", requestId));
        }
    }

    static void pushProducts(ProductTasksSoap_PortType service) throws Exception {
        POSProduct shirt = product("SHIRT-S", "Chemise d'été – Größe S", "49.90");
        shirt.setStyleId("SHIRT");
        shirt.setStyleName("Chemise d'été");
        shirt.setOptions(new products.ProductOption[] {new products.ProductOption("Größe", "S")});
        shirt.setLongDescription("<p>Coton & lin, 100 % naturel</p>");
        shirt.setBrand("Müller & Söhne");
        shirt.setDepartment("Été");
        shirt.setTags(new String[] {"summer", "夏"});
        shirt.setCost(new BigDecimal("17.1234"));
        shirt.setQuantity(new BigDecimal("12.25"));
        shirt.setWeight(new BigDecimal("0.3505"));
        shirt.setWeightUnit(WeightUnit.kg);
        shirt.setSellOnline(true);
        POSProduct medium = product("SHIRT-M", "Chemise d'été – Größe M", "49.90");
        medium.setStyleId("SHIRT");
        medium.setOptions(new products.ProductOption[] {new products.ProductOption("Größe", "M")});
        POSProduct withoutPrice = product("BAD-1", "No price", null);
        report("products", service.updatePOSProducts(new POSProduct[] {shirt, medium, withoutPrice}, null));
        report("products-none", service.updatePOSProducts(new POSProduct[0], null));
        POSProduct[] many = new POSProduct[1000];
        for (int n = 1; n <= many.length; n++) {
            many[n - 1] = product(bulkId(n), "Bulk " + n, BigDecimal.valueOf(n, 2).toPlainString());
        }
        report("products-many", service.updatePOSProducts(many, null));

        // Absent (Department): unchanged. Empty (Brand): an empty text.
        POSProduct change = product("SHIRT-S", null, null);
        change.setBrand("");
        report("products-again", service.updatePOSProducts(new POSProduct[] {change}, null));
    }

    static POSProduct product(String id, String name, String price) {
        POSProduct made = new POSProduct();
        made.setItemIntegrationId(id);
        made.setName(name);
        made.setPrice(price == null ? null : new BigDecimal(price));
        return made;
    }

    static void pushInventory(ProductTasksSoap_PortType service) throws Exception {
        InventoryItem shirt = stock("SHIRT-S", null);
        shirt.setLocationQuantities(new LocationQuantity[] {
            new LocationQuantity("MAIN", new BigDecimal("5.25")), new LocationQuantity("SHOP", new BigDecimal("-1"))});
        InventoryItem[] items = {shirt, stock("SHIRT-M", "0"), stock("UNKNOWN", "1")};
        report("inventory", service.updateInventory(items, null));
        report("inventory-none", service.updateInventory(new InventoryItem[0], null));
        InventoryItem[] many = new InventoryItem[1000];
        for (int n = 1; n <= many.length; n++) many[n - 1] = stock(bulkId(n), n + ".125");
        report("inventory-many", service.updateInventory(many, null));
    }

    static InventoryItem stock(String id, String quantity) {
        InventoryItem made = new InventoryItem();
        made.setItemIntegrationId(id);
        made.setQuantity(quantity == null ? null : new BigDecimal(quantity));
        return made;
    }

    static void pushSale(ProductTasksSoap_PortType service) throws Exception {
        PricingItem sale = price("SHIRT-S", "44.9");
        sale.setSalePrice(new BigDecimal("39.5050"));
        sale.setSaleStart(utc("2030-06-01T06:30:00Z"));
        sale.setSaleEnd(utc("2030-06-30T21:59:59Z"));
        products.CallResult first = service.updatePricing(new PricingItem[] {sale}, null);
        report("pricing", first);
        products.CallResult again = service.updatePricing(new PricingItem[] {sale}, null);
        say("repeat", "SameCall", first.getCallId().equals(again.getCallId()));
    }

    static void pushPrices(ProductTasksSoap_PortType service) throws Exception {
        report("pricing-none", service.updatePricing(new PricingItem[0], null));
        PricingItem[] many = new PricingItem[1000];
        for (int n = 1; n <= many.length; n++) many[n - 1] = price(bulkId(n), n + ".99");
        report("pricing-many", service.updatePricing(many, null));
    }

    static PricingItem price(String id, String price) {
        PricingItem made = new PricingItem();
        made.setItemIntegrationId(id);
        made.setPrice(new BigDecimal(price));
        return made;
    }

    /** GetNew, store, Confirm, until nothing is left. Reading changes nothing: what is not confirmed comes again. */
    static String takeOrders(OrderTasksSoap_PortType service) throws Exception {
        int received = 0;
        int calls = 0;
        String first = null;
        for (boolean more = true; more;) {
            OrdersResult answer = service.getNewOrders(null);
            Order[] found = answer.getOrders() == null ? new Order[0] : answer.getOrders();
            if (found.length == 0) break;
            calls++;
            List<Confirmation> confirmations = new ArrayList<>();
            for (Order order : found) {
                OrderLine[] lines = order.getLines() == null ? new OrderLine[0] : order.getLines();
                if (first == null) {
                    first = order.getOrderId();
                    say("order", "OrderId", order.getOrderId(), "OrderNumber", order.getOrderNumber(),
                        "OrderDate", utc(order.getOrderDate()), "FirstName", order.getCustomer().getFirstName(),
                        "City", order.getShippingAddress().getCity(), "GrandTotal", order.getGrandTotal().toPlainString(),
                        "Lines", lines.length);
                    for (OrderLine line : lines) {
                        say("line", "LineId", line.getLineId(), "Item", line.getItemIntegrationId(), "Name", line.getName(),
                            "Quantity", line.getQuantityOrdered().toPlainString(), "UnitPrice", line.getUnitPrice().toPlainString());
                    }
                }
                // Store the order here, under its OrderId, before it is confirmed.
                Confirmation confirmation = confirmation(order.getOrderId(), "R-" + order.getOrderNumber());
                confirmation.setPosCustomerId("C-4711");
                for (OrderLine line : lines) {
                    if (line.getItemIntegrationId().isEmpty()) {
                        confirmation = confirmation(order.getOrderId(), null);
                        confirmation.setSuccess(false);
                        confirmation.setErrorMessage("Unbekannter Artikel: Größe?");
                    }
                }
                confirmations.add(confirmation);
            }
            received += found.length;
            report("orders-confirmed", service.confirmOrders(confirmations.toArray(new Confirmation[0]), null));
            more = answer.isMoreAvailable();
        }
        say("orders", "Received", received, "Calls", calls);

        OrdersResult left = service.getNewOrders(10);
        say("orders-left", "Received", left.getOrders() == null ? 0 : left.getOrders().length);
        // Confirming again does no harm.
        orders.CallResult again = service.confirmOrders(new Confirmation[] {confirmation(first, null)}, true);
        say("orders-again", "Action", again.getResults()[0].getAction());
        return first;
    }

    static Confirmation confirmation(String id, String receipt) {
        Confirmation made = new Confirmation();
        made.setId(id);
        made.setPosReceiptNumber(receipt);
        return made;
    }

    static void takeTransactions(OrderTasksSoap_PortType service) throws Exception {
        List<Confirmation> confirmations = new ArrayList<>();
        Transaction[] found = service.getNewTransactions(100).getTransactions();
        for (Transaction one : found == null ? new Transaction[0] : found) {
            say("transaction", "TransactionId", one.getTransactionId(), "Type", one.getType(),
                "TransactionDate", utc(one.getTransactionDate()), "GrandTotal", one.getGrandTotal().toPlainString(),
                "Lines", one.getLines() == null ? 0 : one.getLines().length);
            confirmations.add(confirmation(one.getTransactionId(), "T-" + one.getTransactionNumber()));
        }
        report("transactions-confirmed", service.confirmTransactions(confirmations.toArray(new Confirmation[0]), null));
    }

    static void takeCaptures(OrderTasksSoap_PortType service) throws Exception {
        List<Confirmation> confirmations = new ArrayList<>();
        Capture[] found = service.getNewCaptures(100).getCaptures();
        for (Capture one : found == null ? new Capture[0] : found) {
            say("capture", "CaptureId", one.getCaptureId(), "Type", one.getType(), "CaptureDate", utc(one.getCaptureDate()),
                "Amount", one.getAmount().toPlainString(), "Last4", one.getLast4());
            confirmations.add(confirmation(one.getCaptureId(), null));
        }
        confirmations.add(confirmation("NO-SUCH-ID", null));
        report("captures-confirmed", service.confirmCaptures(confirmations.toArray(new Confirmation[0]), null));
    }

    static void ship(OrderTasksSoap_PortType service, String orderId) throws Exception {
        ShipmentLine line = new ShipmentLine();
        line.setLineId("1");
        line.setQuantity(BigDecimal.ONE);
        Shipment shipment = new Shipment();
        shipment.setShipmentId("S-1");
        shipment.setOrderId(orderId);
        shipment.setShipDate(utc("2026-11-24T09:30:00Z"));
        shipment.setCarrier("Österreichische Post");
        shipment.setTrackingNumbers(new String[] {"1Z-1", "1Z-2"});
        shipment.setLines(new ShipmentLine[] {line});
        report("shipment", service.saveShipments(new Shipment[] {shipment}, null));
        // The same shipment again is a Duplicate; one without lines is refused; the good one counts all the same.
        Shipment empty = new Shipment();
        empty.setShipmentId("S-2");
        empty.setOrderId(orderId);
        report("shipment-again", service.saveShipments(new Shipment[] {shipment, empty}, null));
    }

    /** The totals of a call, and each item that it did not take: correct those and send them again. */
    static void report(String topic, products.CallResult result) {
        say(topic, "Received", result.getReceived(), "Applied", result.getApplied(),
            "Unchanged", result.getUnchanged(), "Failed", result.getFailed());
        if (result.getResults() == null) return;
        for (products.ItemResult one : result.getResults()) {
            if (!one.isSuccess()) {
                problem(topic, one.getIndex(), one.getId(), one.getErrorCode(), one.getErrorField(), one.getErrorMessage());
            }
        }
    }

    static void report(String topic, orders.CallResult result) {
        say(topic, "Received", result.getReceived(), "Applied", result.getApplied(),
            "Unchanged", result.getUnchanged(), "Failed", result.getFailed());
        if (result.getResults() == null) return;
        for (orders.ItemResult one : result.getResults()) {
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

    static String bulkId(int n) {
        return String.format("BULK-%04d", n);
    }

    static Calendar utc(String moment) {
        Calendar calendar = Calendar.getInstance(TimeZone.getTimeZone("UTC"));
        calendar.setTimeInMillis(Instant.parse(moment).toEpochMilli());
        return calendar;
    }

    static String utc(Calendar moment) {
        return moment.toInstant().toString();
    }
}
