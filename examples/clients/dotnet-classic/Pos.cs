// A day of a POS with a classic .NET web reference (wsdl.exe): all ten operations of the Integration API.
//
//   wsdl -n:Products -out:ProductTasks.cs https://api.example.com/ProductTasks?wsdl
//   wsdl -n:Orders   -out:OrderTasks.cs   https://api.example.com/OrderTasks?wsdl
//   csc Pos.cs ProductTasks.cs OrderTasks.cs         (Mono: mcs -r:System.Web.Services ...)
//   Pos.exe https://api.example.com STORE USER PASSWORD [1.1|1.2]
using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Text;
using System.Threading;
using System.Web.Services.Protocols;
using Orders;
using Products;

static class Pos
{
    // An optional number, time or boolean has two members: Price and PriceSpecified.
    //   PriceSpecified = false (the default)      absent     unchanged
    //   PriceSpecified = true, Price = null       xsi:nil    cleared
    //   PriceSpecified = true, Price = 49.90m     the value
    // A text that is null is absent; "" is an empty text. An array that is null is absent.

    static void Main(string[] args)
    {
        Thread.CurrentThread.CurrentCulture = CultureInfo.InvariantCulture;
        Console.OutputEncoding = new UTF8Encoding(false);
        string url = args[0], store = args[1], user = args[2], password = args[3];
        var version = args.Length > 4 && args[4] == "1.2" ? SoapProtocolVersion.Soap12 : SoapProtocolVersion.Soap11;

        // The credentials go into every call, as a SOAP header.
        var products = new ProductTasks
        {
            Url = url + "/ProductTasks",
            SoapVersion = version,
            CredentialsValue = new Products.Credentials { StoreId = store, UserName = user, Password = password },
        };
        var orders = new OrderTasks
        {
            Url = url + "/OrderTasks",
            SoapVersion = version,
            CredentialsValue = new Orders.Credentials { StoreId = store, UserName = user, Password = password },
        };
        PushProducts(products);
        PushInventory(products);
        PushPrices(products);
        string orderId = TakeOrders(orders);
        TakeTransactions(orders);
        TakeCaptures(orders);
        Ship(orders, orderId);

        // What concerns the whole call is a SoapException. Client: do not send it again unchanged. Server: later.
        orders.CredentialsValue.Password = "wrong";
        try
        {
            orders.GetNewOrders(null, false);
        }
        catch (SoapException fault)
        {
            Say("fault", "Code", fault.Code.Name, "Message", fault.Message);
        }
    }

    static void PushProducts(ProductTasks service)
    {
        var shirt = new POSProduct
        {
            ItemIntegrationId = "SHIRT-S",
            StyleId = "SHIRT",
            StyleName = "Chemise d'été",
            Options = new[] { new Products.ProductOption { Name = "Größe", Value = "S" } },
            Name = "Chemise d'été – Größe S 👕",
            LongDescription = "<p>Coton & lin, 100 % naturel</p>",
            Brand = "Müller & Söhne",
            Department = "Été",
            Tags = new[] { "summer", "夏" },
            Price = 49.90m, PriceSpecified = true,
            Cost = 17.1234m, CostSpecified = true,
            Quantity = 12.25m, QuantitySpecified = true,
            Weight = 0.3505m, WeightSpecified = true,
            WeightUnit = WeightUnit.kg, WeightUnitSpecified = true,
            SellOnline = true, SellOnlineSpecified = true,
        };
        var medium = new POSProduct
        {
            ItemIntegrationId = "SHIRT-M",
            StyleId = "SHIRT",
            Options = new[] { new Products.ProductOption { Name = "Größe", Value = "M" } },
            Name = "Chemise d'été – Größe M",
            Price = 49.90m, PriceSpecified = true,
        };
        var withoutPrice = new POSProduct { ItemIntegrationId = "BAD-1", Name = "No price" };
        Report("products", service.UpdatePOSProducts(new[] { shirt, medium, withoutPrice }, null, false));
        Report("products-none", service.UpdatePOSProducts(new POSProduct[0], null, false));
        Report("products-many", service.UpdatePOSProducts(Thousand(n => new POSProduct
        {
            ItemIntegrationId = BulkId(n), Name = "Bulk " + n, Price = n / 100m, PriceSpecified = true,
        }), null, false));

        // Absent (Department): unchanged. Empty (Brand): an empty text. Null but specified (Cost): nil, cleared.
        var change = new POSProduct { ItemIntegrationId = "SHIRT-S", Brand = "", Cost = null, CostSpecified = true };
        Report("products-again", service.UpdatePOSProducts(new[] { change }, null, false));
    }

    static void PushInventory(ProductTasks service)
    {
        var perLocation = new[]
        {
            new LocationQuantity { LocationId = "MAIN", Quantity = 5.25m, QuantitySpecified = true },
            new LocationQuantity { LocationId = "SHOP", Quantity = -1, QuantitySpecified = true },
        };
        Report("inventory", service.UpdateInventory(new[]
        {
            new InventoryItem { ItemIntegrationId = "SHIRT-S", LocationQuantities = perLocation },
            new InventoryItem { ItemIntegrationId = "SHIRT-M", Quantity = 0, QuantitySpecified = true },
            new InventoryItem { ItemIntegrationId = "UNKNOWN", Quantity = 1, QuantitySpecified = true },
        }, null, false));
        Report("inventory-none", service.UpdateInventory(new InventoryItem[0], null, false));
        Report("inventory-many", service.UpdateInventory(Thousand(n => new InventoryItem
        {
            ItemIntegrationId = BulkId(n), Quantity = n + 0.125m, QuantitySpecified = true,
        }), null, false));
    }

    static void PushPrices(ProductTasks service)
    {
        var sale = new PricingItem
        {
            ItemIntegrationId = "SHIRT-S",
            Price = 44.9m, PriceSpecified = true,
            SalePrice = 39.5050m, SalePriceSpecified = true,
            SaleStart = new DateTime(2030, 6, 1, 6, 30, 0, DateTimeKind.Utc), SaleStartSpecified = true,
            SaleEnd = new DateTime(2030, 6, 30, 21, 59, 59, DateTimeKind.Utc), SaleEndSpecified = true,
        };
        // A RequestId makes a call safe to repeat: after a time-out send the same id and the same content again,
        // and the stored answer comes back (the same CallId), nothing is applied twice.
        service.RequestIdValue = new Products.RequestId { Value = Guid.NewGuid().ToString() };
        var first = service.UpdatePricing(new[] { sale }, null, false);
        Report("pricing", first);
        var again = service.UpdatePricing(new[] { sale }, null, false);
        Say("repeat", "SameCall", first.CallId == again.CallId ? "true" : "false");
        service.RequestIdValue = null;

        Report("pricing-none", service.UpdatePricing(new PricingItem[0], null, false));
        Report("pricing-many", service.UpdatePricing(Thousand(n => new PricingItem
        {
            ItemIntegrationId = BulkId(n), Price = n + 0.99m, PriceSpecified = true,
        }), null, false));
    }

    // GetNew, store, Confirm, until nothing is left. Reading changes nothing: what is not confirmed comes again.
    static string TakeOrders(OrderTasks service)
    {
        int received = 0, calls = 0;
        string first = null;
        for (bool more = true; more;)
        {
            var answer = service.GetNewOrders(null, false);
            var orders = answer.Orders ?? new Order[0];
            if (orders.Length == 0) break;
            calls++;
            var confirmations = new List<Confirmation>();
            foreach (var order in orders)
            {
                var lines = order.Lines ?? new OrderLine[0];
                if (first == null)
                {
                    first = order.OrderId;
                    Say("order", "OrderId", order.OrderId, "OrderNumber", order.OrderNumber,
                        "OrderDate", Utc(order.OrderDate), "FirstName", order.Customer.FirstName,
                        "City", order.ShippingAddress.City, "GrandTotal", order.GrandTotal, "Lines", lines.Length);
                    foreach (var line in lines)
                        Say("line", "LineId", line.LineId, "Item", line.ItemIntegrationId, "Name", line.Name,
                            "Quantity", line.QuantityOrdered, "UnitPrice", line.UnitPrice);
                }
                // Store the order here, under its OrderId, before it is confirmed.
                confirmations.Add(lines.All(line => line.ItemIntegrationId != "")
                    ? new Confirmation { Id = order.OrderId, PosReceiptNumber = "R-" + order.OrderNumber, PosCustomerId = "C-4711" }
                    : new Confirmation { Id = order.OrderId, Success = false, SuccessSpecified = true, ErrorMessage = "Unbekannter Artikel: Größe?" });
            }
            received += orders.Length;
            Report("orders-confirmed", service.ConfirmOrders(confirmations.ToArray(), null, false));
            more = answer.MoreAvailable;
        }
        Say("orders", "Received", received, "Calls", calls);

        var left = service.GetNewOrders(10, true);
        Say("orders-left", "Received", left.Orders == null ? 0 : left.Orders.Length);
        // Confirming again does no harm.
        var again = service.ConfirmOrders(new[] { new Confirmation { Id = first } }, true, true);
        Say("orders-again", "Action", again.Results[0].Action);
        return first;
    }

    static void TakeTransactions(OrderTasks service)
    {
        var answer = service.GetNewTransactions(100, true);
        var confirmations = new List<Confirmation>();
        foreach (var one in answer.Transactions ?? new Transaction[0])
        {
            Say("transaction", "TransactionId", one.TransactionId, "Type", one.Type,
                "TransactionDate", Utc(one.TransactionDate), "GrandTotal", one.GrandTotal,
                "Lines", one.Lines == null ? 0 : one.Lines.Length);
            confirmations.Add(new Confirmation { Id = one.TransactionId, PosReceiptNumber = "T-" + one.TransactionNumber });
        }
        Report("transactions-confirmed", service.ConfirmTransactions(confirmations.ToArray(), null, false));
    }

    static void TakeCaptures(OrderTasks service)
    {
        var answer = service.GetNewCaptures(100, true);
        var confirmations = new List<Confirmation>();
        foreach (var one in answer.Captures ?? new Capture[0])
        {
            Say("capture", "CaptureId", one.CaptureId, "Type", one.Type, "CaptureDate", Utc(one.CaptureDate),
                "Amount", one.Amount, "Last4", one.Last4);
            confirmations.Add(new Confirmation { Id = one.CaptureId });
        }
        confirmations.Add(new Confirmation { Id = "NO-SUCH-ID" });
        Report("captures-confirmed", service.ConfirmCaptures(confirmations.ToArray(), null, false));
    }

    static void Ship(OrderTasks service, string orderId)
    {
        var shipment = new Shipment
        {
            ShipmentId = "S-1",
            OrderId = orderId,
            ShipDate = new DateTime(2026, 11, 24, 9, 30, 0, DateTimeKind.Utc), ShipDateSpecified = true,
            Carrier = "Österreichische Post",
            TrackingNumbers = new[] { "1Z-1", "1Z-2" },
            Lines = new[] { new ShipmentLine { LineId = "1", Quantity = 1 } },
        };
        Report("shipment", service.SaveShipments(new[] { shipment }, null, false));
        // The same shipment again is a Duplicate; one without lines is refused; the good one counts all the same.
        var empty = new Shipment { ShipmentId = "S-2", OrderId = orderId };
        Report("shipment-again", service.SaveShipments(new[] { shipment, empty }, null, false));
    }

    // The totals of a call, and each item that it did not take: correct those and send them again.
    static void Report(string topic, Products.CallResult result)
    {
        Say(topic, "Received", result.Received, "Applied", result.Applied, "Unchanged", result.Unchanged, "Failed", result.Failed);
        foreach (var one in (result.Results ?? new Products.ItemResult[0]).Where(one => !one.Success))
            Problem(topic, one.Index, one.Id, one.ErrorCode, one.ErrorField, one.ErrorMessage, one.ErrorHint);
    }

    static void Report(string topic, Orders.CallResult result)
    {
        Say(topic, "Received", result.Received, "Applied", result.Applied, "Unchanged", result.Unchanged, "Failed", result.Failed);
        foreach (var one in (result.Results ?? new Orders.ItemResult[0]).Where(one => !one.Success))
            Problem(topic, one.Index, one.Id, one.ErrorCode, one.ErrorField, one.ErrorMessage, one.ErrorHint);
    }

    static void Problem(string topic, int index, string id, string code, string field, string message, string hint)
    {
        Say("problem", "Call", topic, "Index", index, "Id", id, "Code", code, "Field", field);
        Console.Error.WriteLine(message + " " + hint);
    }

    static void Say(string topic, params object[] pairs)
    {
        var line = new StringBuilder(topic);
        for (int n = 0; n < pairs.Length; n += 2)
            line.Append('\t').Append(pairs[n]).Append('=').Append(pairs[n + 1]);
        Console.WriteLine(line);
    }

    static string BulkId(int n) { return "BULK-" + n.ToString("0000"); }

    static string Utc(DateTime moment) { return moment.ToUniversalTime().ToString("yyyy-MM-ddTHH:mm:ssZ"); }

    static T[] Thousand<T>(Func<int, T> make) { return Enumerable.Range(1, 1000).Select(make).ToArray(); }
}
