using System.Net;

namespace CsiLocal.Configuration;

/// <summary>Decides what a server runs with: flag, else environment, else file, else default. To be asked again for a reload.</summary>
/// <param name="environment">A variable's value, or null.</param>
/// <param name="hostName">The node id where nothing else names one.</param>
internal sealed class DriverOptionsResolver(Func<string, string?> environment, string hostName)
{
    public const string DefaultEndpoint = "unix:///run/csilocal/csi.sock";
    public const string DefaultStateDirectory = "/var/lib/csilocal";

    /// <summary>Read where no other file is named and this one exists.</summary>
    public string DefaultConfigFile { get; init; } = "/etc/csilocal/config.yaml";

    // The whole host name, as the kubelet takes it; Environment.MachineName ends at the first dot.
    public static DriverOptionsResolver ForThisProcess() => new(Environment.GetEnvironmentVariable, Dns.GetHostName());

    /// <summary>The options, checked.</summary>
    /// <exception cref="ConfigurationException">Some cannot be used; all problems, each with where the value comes from.</exception>
    public DriverOptions Resolve(DriverFlags flags)
    {
        var problems = new List<ConfigurationProblem>();
        var configFile = Choose("--config", flags.ConfigFile, ["CSILOCAL_CONFIG"], file: null);
        var file = LoadFile(configFile, problems) ?? new FileConfiguration();

        var mode = Choose("--mode", flags.Mode, ["CSILOCAL_MODE"], file.Mode is null ? null : "all");
        var endpoint = Choose("--endpoint", flags.Endpoint, ["CSILOCAL_ENDPOINT", "CSI_ENDPOINT"], file.Endpoint);
        var state = Choose("--state-dir", flags.StateDirectory, ["CSILOCAL_STATE_DIR"], file.StateDirectory);
        var nodeId = Choose("--node-id", flags.NodeId, ["CSILOCAL_NODE_ID", "NODE_ID"], file.NodeId)
            ?? new Setting(hostName, "host name, as no node id was given");
        var hostTools = Choose("--host-tools", flags.HostTools, ["CSILOCAL_HOST_TOOLS"], file.HostTools);

        Check(mode, OptionRules.Mode, problems);
        Check(endpoint, OptionRules.Endpoint, problems);
        Check(nodeId, OptionRules.NodeId, problems);
        Check(hostTools, OptionRules.HostTools, problems);
        if (state is { Value: "" })
            problems.Add(ConfigurationProblem.Of(state.Origin, "is empty; name a folder"));
        var stateDirectory = string.IsNullOrEmpty(state?.Value)
            ? DefaultStateDirectory
            : Path.TrimEndingDirectorySeparator(Path.GetFullPath(state.Value));
        CheckApart(stateDirectory, state, file.Pools, problems);

        if (problems.Count > 0)
            throw new ConfigurationException(problems);
        return new DriverOptions
        {
            Mode = ServeMode.All,
            Endpoint = endpoint?.Value ?? DefaultEndpoint,
            ConfigFile = FindConfigFile(configFile),
            StateDirectory = stateDirectory,
            NodeId = nodeId.Value,
            HostTools = hostTools?.Value == "nsenter" ? HostToolsSource.Nsenter : HostToolsSource.Own,
            File = file,
        };
    }

    // An empty variable counts as none: manifests and unit files cannot always leave one out. An empty flag is a mistake.
    private Setting? Choose(string flag, string? given, string[] variables, string? file)
    {
        if (given is not null)
            return new Setting(given, $"flag {flag}");
        foreach (var name in variables)
        {
            if (environment(name) is { Length: > 0 } value)
                return new Setting(value, $"environment {name}");
        }

        return file is null ? null : new Setting(file, "configuration file");
    }

    private FileConfiguration? LoadFile(Setting? configFile, List<ConfigurationProblem> problems)
    {
        if (configFile is { Value: "" })
        {
            problems.Add(ConfigurationProblem.Of(configFile.Origin, "is empty; name a file"));
            return null;
        }

        if (FindConfigFile(configFile) is not { } path)
            return null;
        try
        {
            return ConfigurationFile.Load(path);
        }
        catch (ConfigurationException failure)
        {
            problems.AddRange(failure.Problems.Select(problem => AddOrigin(problem, configFile)));
            return null;
        }
    }

    private string? FindConfigFile(Setting? configFile)
    {
        if (configFile is not null)
            return Path.GetFullPath(configFile.Value);
        return File.Exists(DefaultConfigFile) ? DefaultConfigFile : null;
    }

    // A problem without a line is one of the file as a whole: then it matters who named it.
    private static ConfigurationProblem AddOrigin(ConfigurationProblem problem, Setting? configFile) =>
        configFile is null || problem.Line > 0 ? problem : problem with { Source = $"{configFile.Origin}: {problem.Source}" };

    private static void Check(Setting? setting, Func<string, string?> rule, List<ConfigurationProblem> problems)
    {
        if (setting is not null && rule(setting.Value) is { } problem)
            problems.Add(ConfigurationProblem.Of(setting.Origin, problem));
    }

    // state.db and the lock would be strangers among a pool's files.
    private static void CheckApart(
        string stateDirectory, Setting? state, IReadOnlyList<PoolOptions> pools, List<ConfigurationProblem> problems)
    {
        var origin = state?.Origin ?? "default state directory";
        foreach (var pool in pools.Where(pool => pool.Path.Length > 0 && OptionRules.IsWithin(stateDirectory, pool.Path)))
        {
            problems.Add(ConfigurationProblem.Of(
                origin,
                $"'{stateDirectory}' lies within '{pool.Path}', the path of pool '{pool.Name}'; choose a folder outside of the pools"));
        }
    }

    private sealed record Setting(string Value, string Origin);
}
