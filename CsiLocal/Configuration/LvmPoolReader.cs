using System.Globalization;
using CsiLocal.Volumes;

namespace CsiLocal.Configuration;

/// <summary>Reads what an entry of <c>pools:</c> says about LVM.</summary>
internal static class LvmPoolReader
{
    public static readonly string[] CommonKeys = ["volumeGroup", "devices", "stripes", "stripeSize", "discard"];
    public static readonly string[] ThickKeys = ["layout", "copies", "integrity", "snapshotReserve"];
    public static readonly string[] ThinKeys =
        ["thinPool", "thinPoolSize", "thinMetadataSize", "chunkSize", "extendAt", "extendBy", "stopAt"];

    private const string PercentExpectation = "a percentage; write 20%";
    private const string LayoutExpectation = "a layout; write linear, striped, raid1, raid5, raid6 or raid10";

    /// <summary>The options; null where the names are missing or wrong without which nothing can be said.</summary>
    /// <param name="options">The pool's entry.</param>
    /// <param name="kind">Null where the backend could not be read: then nothing is required, and nothing refused for its backend.</param>
    public static LvmPoolOptions? Read(OptionReader options, BackendKind? kind)
    {
        var group = kind is null
            ? options.Text("volumeGroup", LvmRules.VolumeGroupName)
            : options.Required("volumeGroup", LvmRules.VolumeGroupName);
        var thinPool = kind == BackendKind.LvmThin
            ? options.Required("thinPool", LvmRules.ThinPoolName)
            : options.Text("thinPool", LvmRules.ThinPoolName);
        var layout = Optional<LvmLayout>(options, "layout", TryParseLayout, LayoutExpectation, static _ => null);
        var read = new LvmPoolOptions
        {
            VolumeGroup = group ?? "",
            Devices = ReadDevices(options),
            Layout = layout ?? LvmLayout.Linear,
            Stripes = Optional<int>(options, "stripes", TryParseCount, "a number of devices; write 2 or more", LvmRules.Stripes),
            StripeSizeBytes = Optional<long>(options, "stripeSize", ByteSize.TryParse, ByteSize.Expectation, LvmRules.StripeSize),
            Copies = options.Value("copies", 2, TryParseCount, "a number of copies; write 2", LvmRules.Copies),
            Integrity = options.Value("integrity", false, OptionText.TryParseBoolean, OptionText.BooleanExpectation, static _ => null),
            SnapshotReservePercent = Optional<int>(options, "snapshotReserve", TryParsePercent, PercentExpectation, LvmRules.Percentage),
            Discard = options.Value("discard", true, OptionText.TryParseBoolean, OptionText.BooleanExpectation, static _ => null),
            ThinPool = thinPool,
            ThinPoolSize = options.Value<ThinPoolSize?>(
                "thinPoolSize", null, TryParseThinPoolSize, "a size or a percentage; write 100Gi or 80%", LvmRules.ThinPoolSize),
            ThinMetadataBytes = Optional<long>(
                options, "thinMetadataSize", ByteSize.TryParse, ByteSize.Expectation, LvmRules.ThinMetadataSize),
            ChunkBytes = Optional<long>(options, "chunkSize", ByteSize.TryParse, ByteSize.Expectation, LvmRules.ChunkSize),
            ExtendAtPercent = ReadPercent(options, "extendAt", LvmPoolOptions.DefaultExtendAtPercent),
            ExtendByPercent = ReadPercent(options, "extendBy", LvmPoolOptions.DefaultExtendByPercent),
            StopAtPercent = ReadPercent(options, "stopAt", LvmPoolOptions.DefaultStopAtPercent),
        };
        if (kind == BackendKind.Lvm && (layout is not null || !options.Has("layout")))
            LvmRules.CheckThick(options, read);
        else if (kind == BackendKind.LvmThin)
            LvmRules.CheckThin(options, read);
        return group is null || (kind == BackendKind.LvmThin && thinPool is null) ? null : read;
    }

    private static TextList ReadDevices(OptionReader options)
    {
        var globs = new List<string>();
        var items = options.List("devices");
        for (var i = 0; i < items.Count; i++)
        {
            var problem = items[i] is OptionNode.Scalar { IsNull: false } glob
                ? LvmRules.DeviceGlob(glob.Value)
                : $"is {items[i].Kind}; a pattern such as /dev/disk/by-id/nvme-* is expected";
            if (problem is null)
                globs.Add(((OptionNode.Scalar)items[i]).Value);
            else
                options.ReportItem("devices", i, problem);
        }

        return new TextList(globs);
    }

    private static int ReadPercent(OptionReader options, string key, int fallback) =>
        options.Value(key, fallback, TryParsePercent, PercentExpectation, LvmRules.Percentage);

    private static T? Optional<T>(OptionReader options, string key, OptionParser<T> parse, string expectation, Func<T, string?> rule)
        where T : struct
    {
        T? read = null;
        options.Value(key, default, parse, expectation, value =>
        {
            var problem = rule(value);
            read = problem is null ? value : null;
            return problem;
        });
        return read;
    }

    private static bool TryParseLayout(string text, out LvmLayout layout)
    {
        (var known, layout) = text switch
        {
            "linear" => (true, LvmLayout.Linear),
            "striped" => (true, LvmLayout.Striped),
            "raid1" => (true, LvmLayout.Raid1),
            "raid5" => (true, LvmLayout.Raid5),
            "raid6" => (true, LvmLayout.Raid6),
            "raid10" => (true, LvmLayout.Raid10),
            _ => (false, default),
        };
        return known;
    }

    private static bool TryParseCount(string text, out int value) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value);

    private static bool TryParsePercent(string text, out int value)
    {
        value = 0;
        return text.EndsWith('%') && TryParseCount(text[..^1], out value);
    }

    private static bool TryParseThinPoolSize(string text, out ThinPoolSize? size)
    {
        size = TryParsePercent(text, out var percent) ? new ThinPoolSize(Bytes: null, percent)
            : ByteSize.TryParse(text, out var bytes) ? new ThinPoolSize(bytes, Percent: null)
            : null;
        return size is not null;
    }
}
