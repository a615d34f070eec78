using System.Globalization;
using CsiLocal.Volumes;

namespace CsiLocal.Configuration;

/// <summary>What could be read of one entry of <c>pools:</c>; each part is null where it is wrong.</summary>
internal sealed record PoolDraft(OptionReader Options, string? Name, string? Path, PoolOptions? Pool);

/// <summary>Reads one entry of <c>pools:</c>.</summary>
internal static class PoolReader
{
    private const double MaxOverprovision = 1000;
    private static readonly TimeSpan MaxFreeze = TimeSpan.FromMinutes(10);

    private static readonly string[] CommonKeys = ["name", "backend", "path", "reserve", "overprovision"];
    private static readonly string[] ImageKeys = ["preallocate", "freezeLimit"];
    private static readonly string[] DirectoryKeys = ["quota"];
    private static readonly string[] AllKeys = [.. CommonKeys, .. ImageKeys, .. DirectoryKeys];

    public static PoolDraft Read(OptionReader options)
    {
        var name = Required(options, "name", OptionRules.PoolName);
        var backend = ReadBackend(options);
        if (backend is null && IsLaterBackend(options))
            return new PoolDraft(options, name, Path: null, Pool: null);

        var path = Required(options, "path", OptionRules.PoolPath) is { } text ? OptionRules.NormalizePath(text) : null;
        RefuseOthers(options, backend);
        var pool = new PoolOptions
        {
            Name = name ?? "",
            Backend = backend ?? default,
            Path = path ?? "",
            ReserveBytes = options.Value<long>("reserve", 0, ByteSize.TryParse, ByteSize.Expectation, _ => null),
            Overprovision = options.Value("overprovision", 1.0, TryParseNumber, "a number; write 1 or 2.5", CheckOverprovision),
            Preallocate = options.Value("preallocate", false, TryParseBoolean, "true or false", _ => null),
            FreezeLimit = options.Value(
                "freezeLimit", PoolOptions.DefaultFreezeLimit, Duration.TryParse, Duration.Expectation, CheckFreezeLimit),
            Quota = options.Value<QuotaMode>("quota", QuotaMode.Auto, TryParseQuota, "a quota; write auto or none", _ => null),
        };
        return new PoolDraft(options, name, path, name is null || backend is null || path is null ? null : pool);
    }

    private static BackendKind? ReadBackend(OptionReader options) => Required(options, "backend", CheckBackend) switch
    {
        "image" => BackendKind.Image,
        "directory" => BackendKind.Directory,
        _ => null,
    };

    private static string? CheckBackend(string backend) => backend switch
    {
        "image" or "directory" => null,
        "lvm" or "lvm-thin" => $"'{backend}' is not available in this version; write image or directory",
        _ => $"{OptionText.Quote(backend)} is not a backend; write image or directory",
    };

    // Its options are those of a version to come: one problem says enough.
    private static bool IsLaterBackend(OptionReader options) =>
        options.Find("backend") is OptionNode.Scalar { Value: "lvm" or "lvm-thin" };

    private static void RefuseOthers(OptionReader options, BackendKind? backend)
    {
        options.RefuseOthers(AllKeys, _ => null);
        if (backend is null)
            return;
        var (foreign, owner) = backend == BackendKind.Image ? (DirectoryKeys, "directory") : (ImageKeys, "image");
        foreach (var key in foreign.Where(options.Has))
            options.Report(key, $"is an option of {owner} pools; remove it");
    }

    private static string? Required(OptionReader options, string key, Func<string, string?> rule)
    {
        if (!options.Has(key))
            options.Report(key, "is required");
        return options.Text(key, rule);
    }

    private static string? CheckOverprovision(double factor) => factor is >= 1 and <= MaxOverprovision
        ? null
        : string.Create(
            CultureInfo.InvariantCulture, $"{factor} is out of range; write 1 (promise no more than there is) to {MaxOverprovision}");

    private static string? CheckFreezeLimit(TimeSpan limit) => limit <= MaxFreeze
        ? null
        : $"{Duration.Format(limit)} is too long for writers to stand still; write at most {Duration.Format(MaxFreeze)}";

    private static bool TryParseNumber(string text, out double value) =>
        double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out value);

    // YAML 1.2 booleans only: 'no' and 'off' have meant too many things.
    private static bool TryParseBoolean(string text, out bool value)
    {
        value = text == "true";
        return value || text == "false";
    }

    private static bool TryParseQuota(string text, out QuotaMode value)
    {
        value = text == "none" ? QuotaMode.None : QuotaMode.Auto;
        return text is "auto" or "none";
    }
}
