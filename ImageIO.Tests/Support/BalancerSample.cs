using System.Globalization;

namespace ImageIO.Tests.Support;

/// <summary>
/// The sample configurations of balancers, with this machine's addresses and files for those of the sample.
/// </summary>
internal static class BalancerSample
{
    private const string Authority = "/etc/pki/ovirt-engine/ca.pem";
    private const string Certificate = "/etc/pki/ovirt-engine/certs/image-proxy.cer";
    private const string Key = "/etc/pki/ovirt-engine/keys/image-proxy.key.nopass";

    /// <summary>A program, where root's are too. Null: it is not installed.</summary>
    public static string? Find(string program) => new[] { "/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin" }
        .Select(directory => Path.Combine(directory, program))
        .FirstOrDefault(File.Exists);

    /// <summary>nginx's, inside of what a distribution has around it.</summary>
    /// <returns>The path of the configuration.</returns>
    public static string WriteNginx(string directory, string listen, TestCertificate certificate, params int[] ports) =>
        Write(
        directory,
        "nginx.conf",
        sample => $$"""
            daemon off;
            master_process off;
            error_log stderr;
            pid {{directory}}/pid;
            events {
            }
            http {
                client_body_temp_path {{directory}}/body;
                proxy_temp_path {{directory}}/proxy;
                fastcgi_temp_path {{directory}}/fastcgi;
                uwsgi_temp_path {{directory}}/uwsgi;
                scgi_temp_path {{directory}}/scgi;
            {{sample}}
            }
            """,
        certificate,
        ports,
        ("listen 54323 ssl;", $"listen {listen} ssl;"));

    /// <summary>HAProxy's.</summary>
    /// <returns>The path of the configuration.</returns>
    public static string WriteHaproxy(
        string directory, string listen, TestCertificate certificate, params int[] ports) => Write(
        directory, "haproxy.cfg", sample => sample, certificate, ports, ("bind :54323", $"bind {listen}"));

    // Fails when the sample has not what is to be replaced: then the test would test another one.
    private static string Write(
        string directory,
        string name,
        Func<string, string> wrap,
        TestCertificate certificate,
        int[] ports,
        params IEnumerable<(string Old, string New)> changes)
    {
        string text = File.ReadAllText(Path.Combine(RepositoryFiles.Root, "packaging", "balancers", name));
        IEnumerable<(string Old, string New)> all =
        [
            .. changes,
            .. ports.Select((port, index) => (
                string.Create(CultureInfo.InvariantCulture, $"proxy{index + 1}.example.com:54323"),
                string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{port}"))),
            ("images.example.com", "localhost"),
            (Authority, certificate.CertificateFile),
        ];
        foreach ((string old, string replacement) in all)
        {
            Assert.Contains(old, text, StringComparison.Ordinal);
            text = text.Replace(old, replacement, StringComparison.Ordinal);
        }

        text = text.Replace(Certificate, certificate.CertificateFile, StringComparison.Ordinal)
            .Replace(Key, certificate.KeyFile, StringComparison.Ordinal);
        string file = Path.Combine(directory, name);
        File.WriteAllText(file, wrap(text));
        return file;
    }
}
