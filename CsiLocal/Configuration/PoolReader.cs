using System.Globalization;
using CsiLocal.Volumes;

namespace CsiLocal.Configuration;

/// <summary>What could be read of one entry of <c>pools:</c>; each part is null where it is wrong.</summary>
internal sealed record PoolDraft(OptionReader Options, string? Name, string? Path, LvmPoolOptions? Lvm, PoolOptions? Pool);

/// <summary>Reads one entry of <c>pools:</c>.</summary>
internal static class PoolReader
{
    private const double MaxOverprovision = 1000;
    private static readonly TimeSpan MaxFreeze = TimeSpan.FromMinutes(10);

    private static readonly string[] CommonKeys = ["name", "backend", "reserve", "overprovision", TrashReader.Key];

    private static readonly OptionGroup[] Groups =
    [
        new("image and directory", [BackendKind.Image, BackendKind.Directory], ["path"]),
        new("image", [BackendKind.Image], ["preallocate", "freezeLimit"]),
        new("directory", [BackendKind.Directory], ["quota"]),
        new("lvm and lvm-thin", [BackendKind.Lvm, BackendKind.LvmThin], LvmPoolReader.CommonKeys),
        new("lvm", [BackendKind.Lvm], LvmPoolReader.ThickKeys),
        new("lvm-thin", [BackendKind.LvmThin], LvmPoolReader.ThinKeys),
    ];

    private static readonly string[] AllKeys = [.. CommonKeys, .. Groups.SelectMany(static group => group.Keys)];

    /// <param name="options">The entry.</param>
    /// <param name="trash">What the file says for all pools.</param>
    public static PoolDraft Read(OptionReader options, TrashOptions trash)
    {
        var name = options.Required("name", OptionRules.PoolName);
        var backend = ReadBackend(options);
        var isLvm = backend is BackendKind.Lvm or BackendKind.LvmThin;
        options.RefuseOthers(AllKeys, static _ => null);
        RefuseForeign(options, backend);

        // Which of the two is needed a backend that could not be read does not say.
        var text = backend is null || isLvm ? options.Text("path", OptionRules.PoolPath) : options.Required("path", OptionRules.PoolPath);
        var path = text is null || isLvm ? null : OptionRules.NormalizePath(text);
        var lvm = backend is null || isLvm ? LvmPoolReader.Read(options, backend) : null;
        var pool = new PoolOptions
        {
            Name = name ?? "",
            Backend = backend ?? default,
            Path = path ?? "",
            Lvm = lvm,
            ReserveBytes = options.Value<long>("reserve", 0, ByteSize.TryParse, ByteSize.Expectation, static _ => null),
            Overprovision = options.Value(
                "overprovision", 1.0, TryParseNumber, "a number; write 1 or 2.5", factor => CheckOverprovision(factor, backend)),
            Preallocate = options.Value("preallocate", false, OptionText.TryParseBoolean, OptionText.BooleanExpectation, static _ => null),
            FreezeLimit = options.Value(
                "freezeLimit", PoolOptions.DefaultFreezeLimit, Duration.TryParse, Duration.Expectation, CheckFreezeLimit),
            Quota = options.Value<QuotaMode>("quota", QuotaMode.Auto, TryParseQuota, "a quota; write auto or none", static _ => null),
            Trash = TrashReader.Read(options, trash),
        };
        TrashReader.Check(options, pool.Trash, backend);
        var isWhole = name is not null && backend is not null && (isLvm ? lvm is not null : path is not null);
        return new PoolDraft(options, name, path, isLvm ? lvm : null, isWhole ? pool : null);
    }

    /// <summary>Options that only some backends have.</summary>
    private sealed record OptionGroup(string Owners, BackendKind[] Kinds, string[] Keys);

    private static BackendKind? ReadBackend(OptionReader options) => options.Required("backend", CheckBackend) switch
    {
        "image" => BackendKind.Image,
        "directory" => BackendKind.Directory,
        "lvm" => BackendKind.Lvm,
        "lvm-thin" => BackendKind.LvmThin,
        _ => null,
    };

    private static string? CheckBackend(string backend) => backend is "image" or "directory" or "lvm" or "lvm-thin"
        ? null
        : $"{OptionText.Quote(backend)} is not a backend; write image, directory, lvm or lvm-thin";

    private static void RefuseForeign(OptionReader options, BackendKind? backend)
    {
        if (backend is not { } kind)
            return;
        foreach (var group in Groups)
        {
            if (Array.IndexOf(group.Kinds, kind) >= 0)
                continue;
            foreach (var key in group.Keys.Where(options.Has))
                options.Report(key, $"is an option of {group.Owners} pools; remove it");
        }
    }

    private static string? CheckOverprovision(double factor, BackendKind? backend)
    {
        if (factor is < 1 or > MaxOverprovision)
        {
            return string.Create(
                CultureInfo.InvariantCulture, $"{factor} is out of range; write 1 (promise no more than there is) to {MaxOverprovision}");
        }

        return factor > 1 && backend == BackendKind.Lvm
            ? "the volumes of lvm pools have all of their space from the start; remove it, or choose backend lvm-thin"
            : null;
    }

    private static string? CheckFreezeLimit(TimeSpan limit) => limit <= MaxFreeze
        ? null
        : $"{Duration.Format(limit)} is too long for writers to stand still; write at most {Duration.Format(MaxFreeze)}";

    private static bool TryParseNumber(string text, out double value) =>
        double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out value);

    private static bool TryParseQuota(string text, out QuotaMode value)
    {
        value = text == "none" ? QuotaMode.None : QuotaMode.Auto;
        return text is "auto" or "none";
    }
}
