using System.Globalization;
using System.Reflection;
using CsiLocal.Volumes;

namespace CsiLocal.State;

/// <summary>One numbered step of the schema. Never edited once released.</summary>
/// <param name="Version">Each greater than the one before.</param>
/// <param name="Name">File name without the extension.</param>
/// <param name="Sql">A script of statements.</param>
internal sealed record Migration(int Version, string Name, string Sql);

/// <summary>Brings a state file to the schema that this program knows.</summary>
internal static class Migrator
{
    private const string ResourcePrefix = "CsiLocal.State.Migrations.";
    private const string ResourceSuffix = ".sql";

    /// <summary>The migrations built into this program, in order.</summary>
    public static IReadOnlyList<Migration> Embedded()
    {
        var assembly = typeof(Migrator).Assembly;
        return assembly.GetManifestResourceNames()
            .Where(name => name.StartsWith(ResourcePrefix, StringComparison.Ordinal))
            .Order(StringComparer.Ordinal)
            .Select(name => Load(assembly, name))
            .ToList();
    }

    /// <summary>The schema of a file; 0: empty; null: it has tables, but they are not ours.</summary>
    public static int? VersionOf(StateConnection connection)
    {
        if (connection.QueryNumber("SELECT COUNT(*) FROM sqlite_schema WHERE type = 'table' AND name = 'migrations'") == 1)
            return (int)connection.QueryNumber("SELECT COALESCE(MAX(version), 0) FROM migrations");

        return connection.QueryNumber("SELECT COUNT(*) FROM sqlite_schema") == 0 ? 0 : null;
    }

    /// <exception cref="StorageException"><see cref="StorageError.Unavailable"/>: the file is from a newer program.</exception>
    public static void RefuseNewer(int version, string file, IReadOnlyList<Migration> migrations)
    {
        var newest = migrations.Count == 0 ? 0 : migrations[^1].Version;
        if (version > newest)
        {
            throw new StorageException(
                StorageError.Unavailable,
                $"open {file}: its schema is version {version}, this csilocal knows versions up to {newest}; nothing was touched",
                "run the newer csilocal that wrote it, or move the file away: the state is then rebuilt from the pools");
        }
    }

    /// <summary>Applies what is missing, each migration in a transaction of its own, and records it. Idempotent.</summary>
    public static void Apply(StateConnection writer, IReadOnlyList<Migration> migrations, TimeProvider clock)
    {
        var version = VersionOf(writer) ?? 0;
        foreach (var migration in migrations)
        {
            if (migration.Version <= version)
                continue;

            writer.Execute("BEGIN IMMEDIATE");
            try
            {
                writer.Run("""
                    CREATE TABLE IF NOT EXISTS migrations (
                        version    INTEGER PRIMARY KEY,
                        name       TEXT NOT NULL,
                        applied_at TEXT NOT NULL
                    ) STRICT;
                    """);
                writer.Run(migration.Sql);
                writer.Execute(
                    "INSERT INTO migrations (version, name, applied_at) VALUES (@version, @name, @appliedAt)",
                    ("@version", migration.Version), ("@name", migration.Name), ("@appliedAt", Columns.Text(clock.GetUtcNow())));
                writer.Execute("COMMIT");
            }
            catch
            {
                // Some errors (a full disk) have rolled back already.
                if (!writer.IsAutoCommit)
                    writer.Execute("ROLLBACK");
                throw;
            }
        }
    }

    private static Migration Load(Assembly assembly, string resource)
    {
        using var stream = assembly.GetManifestResourceStream(resource)!;
        using var reader = new StreamReader(stream);
        var name = resource[ResourcePrefix.Length..^ResourceSuffix.Length];
        return new Migration(int.Parse(name.AsSpan(0, 4), NumberStyles.None, CultureInfo.InvariantCulture), name, reader.ReadToEnd());
    }
}
