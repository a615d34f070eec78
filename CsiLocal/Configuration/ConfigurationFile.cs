using System.Globalization;
using System.Text;

namespace CsiLocal.Configuration;

/// <summary>The configuration file: YAML to <see cref="FileConfiguration"/>, with every problem at its place.</summary>
internal static class ConfigurationFile
{
    private const int MaxBytes = 1 << 20;

    private static readonly TimeSpan MinJournalRetention = TimeSpan.FromMinutes(1);

    private static readonly string[] Keys =
    [
        "mode", "endpoint", "stateDirectory", "nodeId", "hostTools", "driverName", "pools", "defaultPool", "publishRoots",
        "maxVolumesPerNode", "journalRetention", TrashReader.Key,
    ];

    /// <summary>Reads and checks a file.</summary>
    /// <exception cref="ConfigurationException">It cannot be read, or says something that cannot be used.</exception>
    public static FileConfiguration Load(string path) => Parse(ReadText(path), path);

    /// <summary>Checks the text of a file.</summary>
    /// <param name="text">YAML; empty is a file without options.</param>
    /// <param name="fileName">For the problems' places.</param>
    /// <exception cref="ConfigurationException">It says something that cannot be used.</exception>
    public static FileConfiguration Parse(string text, string fileName)
    {
        var report = new ProblemReport(fileName);
        var root = new YamlReader(text, report).Read();
        var options = new FileConfiguration();
        if (root is OptionNode.Mapping mapping)
            options = ReadOptions(new OptionReader(mapping, "", report), report);
        else if (root is not null and not OptionNode.Scalar { IsNull: true })
            report.Add(root, "", $"the file is {root.Kind}; a mapping is expected, such as 'pools:' followed by a list");
        return report.IsEmpty ? options : throw new ConfigurationException(report.InOrder());
    }

    private static FileConfiguration ReadOptions(OptionReader options, ProblemReport report)
    {
        options.RefuseOthers(Keys, static _ => null);
        var drafts = ReadPools(options, TrashReader.Read(options, TrashOptions.Default), report);
        PoolSetRules.Check(drafts);
        return new FileConfiguration
        {
            Mode = options.Text("mode", OptionRules.Mode) is null ? null : ServeMode.All,
            Endpoint = options.Text("endpoint", OptionRules.Endpoint),
            StateDirectory = options.Text("stateDirectory", OptionRules.AbsolutePath) is { } folder
                ? OptionRules.NormalizePath(folder)
                : null,
            NodeId = options.Text("nodeId", OptionRules.NodeId),
            HostTools = options.Text("hostTools", OptionRules.HostTools),
            DriverName = options.Text("driverName", OptionRules.DriverName) ?? DriverOptions.DefaultDriverName,
            Pools = [.. drafts.Select(draft => draft.Pool).OfType<PoolOptions>()],
            DefaultPool = options.Text("defaultPool", name => PoolSetRules.CheckDefault(name, drafts)),
            PublishRoots = ReadPublishRoots(options, report),
            MaxVolumesPerNode = options.Value<long>(
                "maxVolumesPerNode", 0, TryParseCount, "a whole number; write 0 for no limit", _ => null),
            JournalRetention = options.Value(
                "journalRetention", FileConfiguration.DefaultJournalRetention, Duration.TryParse, Duration.Expectation, CheckRetention),
        };
    }

    private static List<PoolDraft> ReadPools(OptionReader options, TrashOptions trash, ProblemReport report)
    {
        var drafts = new List<PoolDraft>();
        var items = options.List("pools");
        for (var i = 0; i < items.Count; i++)
        {
            var path = string.Create(CultureInfo.InvariantCulture, $"pools[{i}]");
            if (items[i] is OptionNode.Mapping mapping)
                drafts.Add(PoolReader.Read(new OptionReader(mapping, path + ".", report), trash));
            else
                report.Add(items[i], path, $"is {items[i].Kind}; a pool is a mapping with name, backend and what the backend needs");
        }

        return drafts;
    }

    private static List<string> ReadPublishRoots(OptionReader options, ProblemReport report)
    {
        var roots = new List<string>();
        var items = options.List("publishRoots");
        for (var i = 0; i < items.Count; i++)
        {
            var problem = items[i] is OptionNode.Scalar { IsNull: false } root
                ? OptionRules.AbsolutePath(root.Value)
                : $"is {items[i].Kind}; an absolute path is expected";
            if (problem is null)
                roots.Add(OptionRules.NormalizePath(((OptionNode.Scalar)items[i]).Value));
            else
                report.Add(items[i], string.Create(CultureInfo.InvariantCulture, $"publishRoots[{i}]"), problem);
        }

        return roots;
    }

    private static string ReadText(string path)
    {
        try
        {
            using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, bufferSize: 0);
            var buffer = new byte[MaxBytes + 1];
            var length = file.ReadAtLeast(buffer, buffer.Length, throwOnEndOfStream: false);
            if (length > MaxBytes)
                throw Unreadable(path, $"larger than {ByteSize.Format(MaxBytes)}, which no configuration is");
            var bytes = buffer.AsSpan(0, length);
            if (bytes.StartsWith(Encoding.UTF8.Preamble))
                bytes = bytes[Encoding.UTF8.Preamble.Length..];
            return new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(bytes);
        }
        catch (Exception failure) when (failure is FileNotFoundException or DirectoryNotFoundException)
        {
            throw Unreadable(path, "no such file");
        }
        catch (UnauthorizedAccessException)
        {
            throw Unreadable(path, Directory.Exists(path) ? "is a folder; name a file" : "may not be read by this user");
        }
        catch (DecoderFallbackException)
        {
            throw Unreadable(path, "is not UTF-8 text");
        }
        catch (Exception failure) when (failure is IOException or ArgumentException)
        {
            throw Unreadable(path, $"cannot be read: {OptionText.OneLine(failure.Message)}");
        }
    }

    private static ConfigurationException Unreadable(string path, string fact) => new([ConfigurationProblem.Of(path, fact)]);

    private static bool TryParseCount(string text, out long value) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value);

    private static string? CheckRetention(TimeSpan retention) => retention >= MinJournalRetention
        ? null
        : $"{Duration.Format(retention)} would forget what just happened; write at least {Duration.Format(MinJournalRetention)}";
}
