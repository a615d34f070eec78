using System.Reflection;
using System.Runtime.InteropServices;
using SQLitePCL;

namespace CsiLocal.State;

/// <summary>Binds Microsoft.Data.Sqlite to SQLite: linked in under Native AOT, the system's shared library under JIT.</summary>
internal static class SqliteProvider
{
    /// <summary>The name in the provider's import declarations.</summary>
    private const string ImportName = "e_sqlite3";

    /// <summary>The system's library, by its soname: the development symlink <c>libsqlite3.so</c> need not be installed.</summary>
    private const string SystemLibrary = "libsqlite3.so.0";

    static SqliteProvider()
    {
        // A published binary has the functions linked in (DirectPInvoke in the csproj): no library is looked up and this is never called.
        NativeLibrary.SetDllImportResolver(typeof(SQLite3Provider_e_sqlite3).Assembly, Resolve);
        raw.SetProvider(new SQLite3Provider_e_sqlite3());
    }

    /// <summary>Call before the first use of SQLite; any number of times, from any thread.</summary>
    /// <returns>SQLite's version, e.g. <c>3.40.1</c>.</returns>
    public static string EnsureLoaded() => raw.sqlite3_libversion().utf8_to_string();

    private static IntPtr Resolve(string libraryName, Assembly assembly, DllImportSearchPath? searchPath) =>
        libraryName == ImportName ? NativeLibrary.Load(SystemLibrary) : IntPtr.Zero;
}
