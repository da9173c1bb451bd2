// An API on ASP.NET Core: Microsoft.Identity.Web checks the token and its role, by the settings of its section AzureAd.
using Microsoft.AspNetCore.Authentication.JwtBearer;
using Microsoft.Identity.Web;

var builder = WebApplication.CreateBuilder(args);
builder.Services
    .AddAuthentication(JwtBearerDefaults.AuthenticationScheme)
    .AddMicrosoftIdentityWebApi(builder.Configuration);
builder.Services.AddRequiredScopeOrAppPermissionAuthorization();

var app = builder.Build();
app.UseAuthentication();
app.UseAuthorization();
app.MapGet("/", () => Array.Empty<string>()).RequireAuthorization(policy =>
    policy.RequireScopeOrAppPermission(
        allowedScopeValues: [], allowedAppPermissionValues: ["access_as_application"]));
app.Run($"http://127.0.0.1:{Environment.GetEnvironmentVariable("PORT")}");
