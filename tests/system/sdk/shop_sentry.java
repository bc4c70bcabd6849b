// A shop in Java that reports with Sentry's SDK. Arguments: DSN, mark.
// Prints the id that the SDK gave its crash, and that of the trace in which it was.

import io.sentry.Attachment;
import io.sentry.Breadcrumb;
import io.sentry.ITransaction;
import io.sentry.Sentry;
import io.sentry.TransactionOptions;
import io.sentry.protocol.User;
import java.nio.charset.StandardCharsets;

class Shop {
    public static void main(String[] arguments) {
        String mark = arguments[1];
        Sentry.init(options -> {
            options.setDsn(arguments[0]);
            options.setRelease("shop-" + mark + "@7.1.0");
            options.setEnvironment("production");
            options.setServerName("till-3");
            options.setTracesSampleRate(1.0);
            options.getLogs().setEnabled(true);
        });
        User user = new User();
        user.setId("ann");
        user.setEmail("ann@shop.test");
        Sentry.setUser(user);
        Sentry.setTag("team", "shop");
        Sentry.startSession();
        TransactionOptions bound = new TransactionOptions();
        bound.setBindToScope(true);
        ITransaction transaction = Sentry.startTransaction("POST /orders", "http.server", bound);
        transaction.startChild("db.query", "INSERT orders").finish();
        Breadcrumb crumb = new Breadcrumb("3 lines");
        crumb.setCategory("cart");
        Sentry.addBreadcrumb(crumb);
        Sentry.logger().warn("cart of %s has %d lines", mark, 3);
        Sentry.withScope(scope -> {
            scope.setExtra("order", "17");
            byte[] log = "line one\nline two\n".getBytes(StandardCharsets.UTF_8);
            scope.addAttachment(new Attachment(log, "order.log"));
            try {
                charge(17, mark);
            } catch (OrderRefused refused) {
                System.out.println(Sentry.captureException(refused));
            }
        });
        System.out.println(transaction.getSpanContext().getTraceId());
        transaction.finish();
        Sentry.endSession();
        Sentry.flush(10_000);
        Sentry.close();
    }

    private static void charge(int number, String mark) throws OrderRefused {
        throw new OrderRefused("basket " + number + " refused " + mark);
    }
}

class OrderRefused extends Exception {
    OrderRefused(String message) {
        super(message);
    }
}
