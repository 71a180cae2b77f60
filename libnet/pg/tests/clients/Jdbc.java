import java.io.StringReader;
import java.io.StringWriter;
import java.math.BigDecimal;
import java.sql.*;
import org.postgresql.PGConnection;
import org.postgresql.copy.CopyManager;

/** Jdbc.java: PostgreSQL's JDBC driver against the server of PGHOST and PGPORT. */
public class Jdbc {
    static void check(boolean fact, String what) {
        if (!fact) {
            throw new AssertionError(what);
        }
    }

    static Connection connect(String more) throws SQLException {
        String url = "jdbc:postgresql://" + System.getenv("PGHOST") + ":" + System.getenv("PGPORT") + "/"
                + System.getenv("PGDATABASE") + more;
        return DriverManager.getConnection(url, System.getenv("PGUSER"), System.getenv("PGPASSWORD"));
    }

    static void statements(Connection c) throws Exception {
        try (Statement s = c.createStatement()) {
            s.execute("CREATE TABLE j (id serial PRIMARY KEY, t text, d numeric(10,2), w timestamp, b bytea)");
        }
        try (PreparedStatement p = c.prepareStatement("INSERT INTO j (t, d, w, b) VALUES (?, ?, ?, ?)",
                Statement.RETURN_GENERATED_KEYS)) {
            for (int i = 1; i <= 20; i++) { /* from the fifth on with a named statement, in binary */
                p.setString(1, "t" + i);
                p.setBigDecimal(2, new BigDecimal(i + ".25"));
                p.setTimestamp(3, Timestamp.valueOf("2024-01-01 12:00:0" + i % 10));
                p.setBytes(4, new byte[] {(byte) i, 0});
                check(p.executeUpdate() == 1, "update count");
                ResultSet keys = p.getGeneratedKeys();
                check(keys.next() && keys.getInt(1) == i, "generated key");
            }
        }
        try (PreparedStatement p = c.prepareStatement("SELECT * FROM j WHERE id = ?")) {
            for (int i = 1; i <= 20; i++) {
                p.setInt(1, i);
                ResultSet r = p.executeQuery();
                check(r.next() && r.getString("t").equals("t" + i), "text");
                check(r.getBigDecimal("d").equals(new BigDecimal(i + ".25")), "numeric");
                check(r.getTimestamp("w").equals(Timestamp.valueOf("2024-01-01 12:00:0" + i % 10)), "timestamp");
                check(r.getBytes("b")[0] == i, "bytea");
            }
        }
        try (PreparedStatement p = c.prepareStatement("UPDATE j SET t = ? WHERE id = ?")) {
            for (int i = 1; i <= 20; i++) {
                p.setString(1, "b" + i);
                p.setInt(2, i);
                p.addBatch();
            }
            int[] counts = p.executeBatch();
            check(counts.length == 20 && counts[19] == 1, "batch");
        }
    }

    static void transactions(Connection c) throws Exception {
        c.setAutoCommit(false);
        try (Statement s = c.createStatement()) {
            s.setFetchSize(7);
            ResultSet r = s.executeQuery("SELECT * FROM generate_series(1, 100)");
            int sum = 0;
            while (r.next()) {
                sum += r.getInt(1);
            }
            check(sum == 5050, "portal with a row limit");
            Savepoint point = c.setSavepoint();
            try {
                s.executeQuery("SELECT 1 / 0");
                check(false, "division by zero");
            } catch (SQLException e) {
                check(e.getSQLState().equals("22012"), e.getSQLState());
            }
            c.rollback(point);
            s.executeUpdate("DELETE FROM j");
        }
        c.rollback();
        c.setAutoCommit(true);
        try (Statement s = c.createStatement()) {
            ResultSet r = s.executeQuery("SELECT count(*) FROM j");
            check(r.next() && r.getInt(1) == 20, "rolled back");
            s.setQueryTimeout(1);
            try {
                s.execute("SELECT pg_sleep(30)");
                check(false, "not cancelled");
            } catch (SQLException e) {
                check(e.getSQLState().equals("57014"), e.getSQLState());
            }
        }
    }

    static void metadata(Connection c) throws Exception {
        DatabaseMetaData m = c.getMetaData();
        check(m.getDatabaseMajorVersion() == 15, "version");
        ResultSet r = m.getTables(null, "public", "j", new String[] {"TABLE"});
        check(r.next() && r.getString("TABLE_NAME").equals("j"), "getTables");
        r = m.getColumns(null, "public", "j", "%");
        StringBuilder names = new StringBuilder();
        while (r.next()) {
            names.append(r.getString("COLUMN_NAME")).append(':').append(r.getString("TYPE_NAME")).append(' ');
        }
        check(names.toString().equals("id:serial t:text d:numeric w:timestamp b:bytea "), names.toString());
        r = m.getPrimaryKeys(null, "public", "j");
        check(r.next() && r.getString("COLUMN_NAME").equals("id"), "getPrimaryKeys");
        r = m.getIndexInfo(null, "public", "j", true, false);
        check(r.next() && r.getString("INDEX_NAME").equals("j_pkey"), "getIndexInfo");
        check(m.getSchemas().next(), "getSchemas");
        check(m.getTypeInfo().next(), "getTypeInfo");
    }

    static void copy(Connection c) throws Exception {
        CopyManager copies = c.unwrap(PGConnection.class).getCopyAPI();
        long rows = copies.copyIn("COPY j (id, t) FROM STDIN", new StringReader("100\tx\n101\ty\n"));
        check(rows == 2, "copied in");
        StringWriter out = new StringWriter();
        copies.copyOut("COPY (SELECT id, t FROM j WHERE id >= 100 ORDER BY 1) TO STDOUT (FORMAT csv)", out);
        check(out.toString().equals("100,x\n101,y\n"), out.toString());
    }

    public static void main(String[] args) throws Exception {
        try (Connection c = connect("")) {
            statements(c);
            transactions(c);
            metadata(c);
            copy(c);
        }
        try (Connection c = connect("?preferQueryMode=simple")) {
            c.createStatement().execute("DELETE FROM j WHERE id >= 100");
            transactions(c);
            copy(c);
        }
        System.out.println("jdbc ok");
    }
}
